"""Standing statistics: the moments of BatchNorm over many batches of samples, before any is shown.

Running moments follow the newest parameters in training, and untruncated latents. Those of the
averaged parameters, and of truncated latents, are others.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core import inputs
from jaxgan.core.game import Game, Nets, State
from jaxgan.core.inputs import Inputs
from jaxgan.core.keys import named
from jaxgan.generation.sample import BATCH


def standing(game: Game, state: State) -> State:
    """Returns a state with standing statistics, of a game that takes any and has been trained.

    Labels are drawn uniformly over the classes. The variance of all batches is the mean of theirs,
    plus the variance of their means. At step 0 moments are those that published weights came with.
    """
    if not applies(game, state):
        return state
    moments = _moments(game.standing.moments, _hashable(game.inputs))
    key, sums = named(jax.random.key(0), "standing"), None
    for i in range(game.standing.batches):
        batch = moments(state, jax.random.fold_in(key, i))
        sums = batch if sums is None else jax.tree.map(jnp.add, sums, batch)
    means = jax.tree.map(lambda x: x / game.standing.batches, sums)
    stats = {net: {**state.stats[net], **_centered(tree)} for net, tree in means.items()}
    return state.replace(stats={**state.stats, **stats})


def applies(game: Game, state: State) -> bool:
    """Returns whether `standing` takes the moments anew."""
    return game.standing is not None and int(state.step) > 0


@lru_cache(maxsize=4)  # the same function again is not compiled again
def _moments(of_batch: Callable[..., Nets], declared: tuple[Any, ...]) -> Callable[..., Nets]:
    """Returns (state, key) -> mean and second moment, in place of var, of one batch."""

    @jax.jit
    def raw(state: State, key: jax.Array) -> Nets:
        k_inputs, k_net, k_label = jax.random.split(key, 3)
        drawn = inputs.draw(dict(declared), k_inputs, BATCH)
        # Classes in turn would be the first BATCH of many in every batch.
        drawn |= {
            name: jax.random.randint(k_label, (BATCH,), 0, field.classes)
            for name, field in declared
            if isinstance(field, inputs.Label)
        }
        return _uncentered(of_batch(state, drawn, k_net))

    return raw


def _hashable(declared: Inputs) -> tuple[Any, ...]:
    return tuple(declared.items())


def _uncentered(tree: Any) -> Any:
    """Replaces each var beside a mean by var + mean^2, in nested dicts."""
    if "var" in tree:
        return {**tree, "var": tree["var"] + tree["mean"] ** 2}
    return {name: _uncentered(each) for name, each in tree.items()}


def _centered(tree: Any) -> Any:
    """Undoes `_uncentered`; rounding leaves no variance below 0."""
    if "var" in tree:
        return {**tree, "var": jnp.maximum(tree["var"] - tree["mean"] ** 2, 0)}
    return {name: _centered(each) for name, each in tree.items()}
