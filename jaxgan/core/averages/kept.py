"""Which averages of its nets a game keeps, beyond what its recipe says."""

from collections.abc import Sequence

from jaxgan.core.averages import ema, power
from jaxgan.core.game import Game
from jaxgan.runtime.errors import UserError


def warming(game: Game) -> Game:
    """Returns a game whose averages warm up."""
    return game._replace(ema={net: ema.warmed(each) for net, each in game.ema.items()})


def widened(game: Game, widths: Sequence[float]) -> Game:
    """Returns a game that also keeps power-function averages of the nets that it averages.

    `widths` are relative, as (0.05, 0.1), see averages.power. Averages of any other are combined of
    those in the checkpoints that are kept.

    Raises:
      UserError: it averages none, or a width is there twice.
    """
    at = f"config.ema_widths={tuple(widths)}"
    if widths and not game.ema:
        raise UserError(f"{at}: this game keeps no averages; set config.game.ema")
    if len({power.named("", each) for each in widths}) < len(widths):
        raise UserError(f"{at}: give each width once, to six digits")
    more = {power.named(net, each): power.Power(each) for net in game.ema for each in widths}
    return game._replace(ema={**game.ema, **more})
