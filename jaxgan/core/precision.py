"""The precision at which an accelerator multiplies a game's float32 matrices.

By default a TPU rounds the operands of products and convolutions to bfloat16, a recent GPU to TF32,
and a CPU not at all. 'high' is three passes of bfloat16 or TF32 on them, 'highest' float32.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax

from jaxgan.core.game import Game
from jaxgan.runtime.errors import UserError

Precision = Literal["default", "high", "highest"]


def computed(game: Game, precision: Precision) -> Game:
    """Returns the game whose losses, samples and scores are computed at `precision`.

    'default' leaves the game as it is, to whatever JAX is set to. Gradients are computed at the
    precision of what they are of.

    Raises:
      UserError: another precision.
    """
    if precision not in get_args(Precision):
        raise UserError(f"config.precision={precision!r}: {', '.join(get_args(Precision))}")
    if precision == "default":
        return game
    at = functools.partial(_at, precision)
    styles = game.styles
    if styles:
        styles = styles._replace(map=at(styles.map), synthesize=at(styles.synthesize))
    return game._replace(
        turns=tuple(turn._replace(loss=at(turn.loss)) for turn in game.turns),
        sample=at(game.sample),
        critic=at(game.critic),
        styles=styles,
        strips=at(game.strips) if game.strips else None,
        translators={name: at(each) for name, each in game.translators.items()},
    )


def _at(precision: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        asked = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
        # A measurement that needs float32, such as path lengths, is not made less exact.
        with jax.default_matmul_precision("highest" if asked == "highest" else precision):
            return function(*args, **kwargs)

    return run
