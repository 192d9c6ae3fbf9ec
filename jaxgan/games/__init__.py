"""One file per kind of game; each builds a `jaxgan.game.Game` from networks and losses."""
