"""Gradient accumulation: the slices of a batch whose gradients one update averages."""

import functools
import sys
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import game as core
from jaxgan.core.game import Game
from jaxgan.core.network import mixing
from jaxgan.runtime.errors import UserError


def accumulated(game: Game, k: int, batches: Sequence[int]) -> Game:
    """Returns the game whose players take the gradients of a batch in k slices.

    Says in one line on stderr what in the game then mixes the samples of a slice only: with it,
    k slices are not the whole batch, but another, legitimate, way to train.

    Args:
      game: of whole batches.
      k: slices; 1 returns the game as it is.
      batches: the sizes of the run's batches.

    Raises:
      UserError: a batch does not split evenly, or the game remembers what slices cannot average,
        such as a pool of images.
    """
    if k == 1:
        return game
    for n in batches:
        if n % k:
            raise UserError(
                f"config.accumulate={k}: a batch of {n} does not split into {k} equal slices; set "
                "config.accumulate to a divisor of it"
            )
    first = functools.partial(core.init, game, jax.random.key(0))
    memory = jax.eval_shape(first).memory
    for name, kept in memory.items():
        if any(not jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(kept)):
            raise UserError(
                f"config.accumulate={k}: the game's {name} takes a batch at once, and has no mean "
                "over slices; set config.game.pool=0, or config.accumulate=1"
            )
    mixes = [*mixing(first), *game.mixes]
    if mixes and jax.process_index() == 0:
        what = ", ".join(mixes)
        text = f"config.accumulate={k}: {what} will mix the samples of a slice, not of the batch"
        print(text, file=sys.stderr)
    return game._replace(accumulate=k)
