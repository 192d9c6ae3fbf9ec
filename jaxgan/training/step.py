"""The training step: what is compiled and called for every batch."""

import functools

import jax
import numpy as np
from jax.sharding import PartitionSpec

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State
from jaxgan.core.slices import AXIS


def train_step(
    game: Game, state: State, batch: Batch, key: jax.Array, *, turns: tuple[str, ...]
) -> tuple[State, dict[str, jax.Array]]:
    """Takes one step on a batch of the data: uint8 images become floats in [-1, 1].

    Of a game that is played `per_device`, each device of the mesh in use takes the step on its
    share, with the means and groups of that share alone; the gradients are averaged.
    """
    step = functools.partial(core.step, game, turns=turns)
    if game.per_device:
        one, rows = PartitionSpec(), PartitionSpec(AXIS)
        # Gradients are averaged by hand: those of a loss that varies would be added up otherwise.
        step = jax.shard_map(step, in_specs=(one, rows, one), out_specs=one, check_vma=False)
    return step(state, jax.tree.map(to_float, batch), key)


def to_float(x: jax.Array) -> jax.Array:
    """uint8 in [0, 255] -> float32 in [-1, 1]; other types as they are."""
    return x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x
