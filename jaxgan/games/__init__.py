"""One file per kind of game; each builds a `jaxgan.core.game.Game`."""
