"""The parts of a batch whose gradients one update averages: slices in turn, or devices' shares."""

import functools
import sys
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from jaxgan.core import game as core
from jaxgan.core.game import Game
from jaxgan.core.network import mixing
from jaxgan.runtime.errors import UserError


def in_parts(game: Game, batches: Sequence[int], k: int, parallel: str, vmapped: bool) -> Game:
    """Returns the game whose batches are taken in k slices, and `per_device` where asked.

    Args:
      game, batches, k: as `accumulated` takes them.
      parallel: 'global' or 'per_device'.
      vmapped: whether several seeds are trained at once, each on one device.

    Raises:
      UserError: as `accumulated`, or `per_device` of vmapped seeds.
    """
    if parallel == "per_device" and vmapped:
        raise UserError(
            "config.parallel=per_device: seeds under vmap have a device each; set "
            "config.replicas=sequential"
        )
    game = accumulated(game, k, batches)
    return per_device(game) if parallel == "per_device" else game


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
    at = f"config.accumulate={k}"
    for n in batches:
        if n % k:
            raise UserError(
                f"{at}: a batch of {n} does not split into {k} equal slices; set config.accumulate "
                "to a divisor of it"
            )
    check_memory(game, at)
    say_mixed(game, at, "a slice")
    return game._replace(accumulate=k)


def per_device(game: Game) -> Game:
    """Returns the game of which each device plays its share of a batch, and gradients are averaged.

    BatchNorm and minibatch standard deviations are then those of a device's share, as papers that
    trained on several GPUs have them; a line on stderr says which there are.

    Raises:
      UserError: as `accumulated`, of the game's memory.
    """
    at = "config.parallel=per_device"
    check_memory(game, at)
    say_mixed(game, at, "a device's share")
    return game._replace(per_device=True)


def say_mixed(game: Game, at: str, part: str) -> None:
    """Says in one line on stderr what in the game mixes samples, and of which part of a batch."""
    mixes = [*mixing(functools.partial(core.init, game, jax.random.key(0))), *game.mixes]
    if mixes and jax.process_index() == 0:
        text = f"{at}: {', '.join(mixes)} will mix the samples of {part}, not of the batch"
        print(text, file=sys.stderr)


def check_memory(game: Game, at: str) -> None:
    """Refuses a memory that has no mean, such as a pool of images; `at` is the option's key."""
    state = jax.eval_shape(lambda: core.init(game, jax.random.key(0)))
    for name, kept in state.memory.items():
        if any(not jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(kept)):
            raise UserError(
                f"{at}: the game's {name} takes a batch at once, and has no mean over its parts; "
                "set config.game.pool=0"
            )
