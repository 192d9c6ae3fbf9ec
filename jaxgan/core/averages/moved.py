"""How the averages of a game's nets move in a step."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from jaxgan.core.averages import ema
from jaxgan.core.averages.power import net_of

if TYPE_CHECKING:
    from jaxgan.core.game import Game, State


def averaged(game: "Game", state: "State", moved: Collection[str], images: int) -> dict[str, Any]:
    """Returns the new `State.ema`: averages move where their nets did, by a step of `images`."""
    return {
        name: ema.average(
            state.params[net],
            old,
            game.ema[name],
            state.step - begins(game, net),
            images,
            interval(game, net),
        )
        if (net := net_of(name)) in moved
        else old
        for name, old in state.ema.items()
    }


def updates(game: "Game", net: str, step: int) -> int:
    """Returns how often a net's averages have moved before `step`: not before or after its turns.

    Of a pyramid the nets of a stage move within it alone.
    """
    players = [name for name, player in game.players.items() if net in player.nets]
    stops = [turn.span[1] for turn in game.turns if turn.player in players]
    ends = [stop for stop in stops if stop is not None]
    if ends and len(ends) == len(stops):
        step = min(step, max(ends))
    every = interval(game, net)
    return max(0, step // every - begins(game, net) // every)


def interval(game: "Game", net: str) -> int:
    """Returns how many steps lie between two moves of a net: n_critic of a WGAN's generator."""
    players = [name for name, player in game.players.items() if net in player.nets]
    return min((turn.every for turn in game.turns if turn.player in players), default=1)


def begins(game: "Game", net: str) -> int:
    """Returns the first step at which a net may move: 0 but for those of a later stage alone."""
    players = [name for name, player in game.players.items() if net in player.nets]
    return min((turn.span[0] for turn in game.turns if turn.player in players), default=0)
