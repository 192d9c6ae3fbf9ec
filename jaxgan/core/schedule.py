"""Games whose numbers move: a config with schedules is a game for each step.

A game is built of its config by pure functions. With schedules in the config, `Game.now` builds it
again inside of the compiled step, of numbers that are computed from `State.step`: so whatever a
config has may move, and one program serves all steps. What must be known before anything compiles
stays as it is, and a schedule of it is refused.
"""

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config import schedules
from jaxgan.config.schedules import Moving
from jaxgan.core.averages.power import net_of
from jaxgan.core.game import Game
from jaxgan.core.growth import Growth
from jaxgan.runtime.errors import UserError

Nodes = Mapping[str, Any]
STAYS = "must be known before anything compiles: a number, not a schedule"


class Now:
    """Builds the game as it is at a step."""

    def __init__(self, build: Callable[[Nodes], Game], nodes: Nodes, growth: Growth):
        """Finds what moves.

        Args:
          build: from nodes, with a `Moving` where the number moves, to a game.
          nodes: of the config, by name.
          growth: the run's stages, for the images seen.

        Raises:
          UserError: a schedule of another form than those of config.schedules.
        """
        self._build, self._nodes, self._growth = build, nodes, growth
        self.schedules = schedules.find(nodes, "config")

    def first(self) -> Game:
        """Returns the game of step 0, of plain numbers."""
        numbers = {key: Moving(s, float(s(0.0))) for key, s in self.schedules.items()}
        return self._build(schedules.place(self._nodes, "config", numbers))

    def __call__(self, step: Array, moving: Collection[str] | None = None) -> Game:
        """Returns the game of a step that is traced; only keys in `moving` are, where given."""
        images = seen(self._growth, step)
        numbers = {
            key: Moving(s, s(images, jnp) if moving is None or key in moving else float(s(0.0)))
            for key, s in self.schedules.items()
        }
        return self._build(schedules.place(self._nodes, "config", numbers))

    def readings(self, step: Array) -> dict[str, Array]:
        """Returns what to log of a step that is traced: each number that moves, by its key."""
        images = seen(self._growth, step)
        return {
            f"schedule/{key.removeprefix('config.')}": jnp.float32(s(images, jnp))
            for key, s in self.schedules.items()
        }


def seen(growth: Growth, step: Array) -> Array:
    """Computes the images of all steps before `step`, a traced `Growth.seen`."""
    t = step.astype(jnp.result_type(float))
    total = jnp.zeros_like(t)
    # A stage counts until the next one starts: of those that train together the last alone.
    lengths = [b.start - a.start for a, b in itertools.pairwise(growth.stages)]
    for stage, length in zip(growth.stages, [*lengths, None], strict=True):
        total += stage.batch * jnp.clip(t - stage.start, 0, length)
    return total


def check(game: Game, now: Now, play: Callable[[Game], Any]) -> None:
    """Refuses schedules of what must stay as it is.

    Args:
      game: of step 0. now: of all steps.
      play: evaluates all of a game's turns, in a trace.

    Raises:
      UserError: the key, in one line.
    """

    def refused(*moving: str) -> str:
        def evaluate(step: Array) -> Array:
            built = now(step, moving)
            if _frame(built) != _frame(game):
                raise UserError("it begins at 0, which leaves a part of the game out")
            play(built._replace(ema={**game.ema, **built.ema}))  # with those of config.ema_widths
            return step

        try:
            jax.eval_shape(evaluate, jax.ShapeDtypeStruct((), jnp.int32))
        except jax.errors.JAXTypeError:
            return STAYS
        except UserError as error:
            return str(error)
        return ""

    if refused(*now.schedules):
        for key in now.schedules:
            if reason := refused(key):
                raise UserError(reason if reason.startswith(key) else f"{key}: {reason}")


def _frame(game: Game) -> Any:
    """Returns what of a game is decided on the host, which no number may change."""
    turns = [(turn.name, turn.player, turn.every, turn.span) for turn in game.turns]
    players = {name: player.nets for name, player in game.players.items()}
    return turns, players, set(map(net_of, game.ema))
