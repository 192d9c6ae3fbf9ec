"""Replicas of one game in one program: states stacked over seeds on a leading axis, vmapped.

Replica i is the run of seed `seed + i`: the key, the first state, the data order and every draw
are those of that run alone, so the two agree to float tolerance.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State
from jaxgan.core.keys import named

Step = Callable[..., tuple[State, dict[str, Array]]]  # (state, batch, key, *, turns)


def keys(seed: int, n: int) -> Array:
    """Returns the keys (n,) of the runs of seeds `seed` to `seed + n - 1`."""
    return jax.vmap(jax.random.key)(seed + jnp.arange(n))


def first(game: Game, key: Array) -> State:
    """Returns the state before the first step of the run with this key."""
    return core.init(game, named(key, "init"))


def like(game: Game, n: int) -> State:
    """Returns the abstract state of a checkpoint of n seeds: stacked where n > 1."""
    if n == 1:
        return jax.eval_shape(lambda: first(game, jax.random.key(0)))
    return jax.eval_shape(lambda: jax.vmap(lambda key: first(game, key))(keys(0, n)))


def pick(states: State, i: int) -> State:
    """Returns replica i's state, as if it had been trained alone."""
    return jax.tree.map(lambda x: x[i], states)


def stack(rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Stacks batches, of steps or of seeds, on a new leading axis."""
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def replicate(step: Step) -> Step:
    """Maps `step` over the leading axis, of seeds, of states, batches and keys."""

    def many(
        states: State, batches: Batch, keys: Array, *, turns: tuple[str, ...]
    ) -> tuple[State, dict[str, Array]]:
        return jax.vmap(lambda *args: step(*args, turns=turns))(states, batches, keys)

    return many


def interval(values: np.ndarray) -> tuple[float, float]:
    """Returns the mean over seeds (n,) and half its 95 % interval, Student's t; 0 where n = 1."""
    from scipy.special import stdtrit  # slow to import; runs of one seed do without

    values = np.asarray(values, np.float64)
    n = len(values)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n) if n > 1 else 0.0
    return float(values.mean()), float(half)
