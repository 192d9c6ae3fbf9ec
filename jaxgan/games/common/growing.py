"""What the games of growing nets share: turns for each stage, latents, and d as a stage has it.

`parts` are a game's own, of which these functions need what `Parts` names. What nets make of a
stage is in nets/growing.py.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import jax

from jaxgan.core.game import Batch, Nets, Spec, State, Turn
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.network import Net
from jaxgan.games.common import build
from jaxgan.nets import growing

Array = jax.Array
EMPTY: Batch = {}


class Parts(Protocol):
    """spec: the data's. growth: the stages. d: a critic that grows. latent: length of z."""

    spec: Spec
    growth: Growth
    d: Net
    latent: int


def turns(parts: Parts, moves: Mapping[str, Callable]) -> tuple[Turn, ...]:
    """A turn of each player for each stage, as <player>_<res>; its metrics are <player>'s.

    Each stage has turns of its own because its shapes are its own.

    Args:
      moves: player -> loss(parts, stage, params, state, batch, key), in the order of play.
    """
    return tuple(
        Turn(
            f"{player}_{stage.res}",
            player,
            partial(move, parts, stage),
            span=(stage.start, stage.stop),
            label=player,
        )
        for stage in parts.growth.stages
        for player, move in moves.items()
    )


def inputs(parts: Parts, key: Array, n: int, given: Batch = EMPTY) -> dict[str, Array]:
    """n latents `z` (n, latent), N(0, I).

    Raises:
      UserError: `given` names a label or condition; these games have neither.
    """
    build.check_given(given, parts.spec, "", None)
    return {"z": jax.random.normal(key, (n, parts.latent))}


def judge(parts: Parts, stage: Stage, params: Nets, state: State, x: Array) -> Array:
    """d's outputs (N,) of images (N, res, res, C) in training."""
    at = growing.within(stage, state.step)
    return parts.d.apply(params["d"], state.stats["d"], x, None, *at, train=True)[0]


def critic(parts: Parts, state: State, batch: Batch) -> Array:
    """d's outputs (N,) of images at the last resolution, through what has grown so far."""
    at = growing.whole(parts.growth, state.step)
    own = state.params["d"], state.stats["d"]
    return parts.d.apply(*own, batch["image"], None, *at, train=False)[0]
