"""The training step: what is compiled and called for every batch."""

import jax
import numpy as np

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State


def train_step(
    game: Game, state: State, batch: Batch, key: jax.Array, *, turns: tuple[str, ...]
) -> tuple[State, dict[str, jax.Array]]:
    """Takes one step on a batch of the data: uint8 images become floats in [-1, 1]."""
    return core.step(game, state, jax.tree.map(to_float, batch), key, turns=turns)


def to_float(x: jax.Array) -> jax.Array:
    """uint8 in [0, 255] -> float32 in [-1, 1]; other types as they are."""
    return x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x
