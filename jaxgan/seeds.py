"""Many replicas of one game in one program: states stacked over seeds on a leading axis, vmapped.

Replica i is the run of seed `seed + i`: the key, the first state, the data order and every draw
are those of that run alone, so the two agree to float tolerance. Any game fits. Dense nets gain
most; convolutions vmapped over seeds become grouped ones, slower than sequential runs on CPU, and
convolutions inside `chunk`'s loop are far slower there: give those `replicas`, one step at a time,
or run seed after seed.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import game as core
from jaxgan.game import Batch, Game, State

Array = jax.Array
Metrics = dict[str, Array]
Step = Callable[..., tuple[State, Metrics]]  # (state, batch, key, *, turns), as train.train_step


def keys(seed: int, n: int) -> Array:
    """The keys (n,) of the runs of seeds `seed` to `seed + n - 1`."""
    return jax.vmap(jax.random.key)(seed + jnp.arange(n))


def init(game: Game, keys: Array) -> State:
    """The states before the first step, each leaf with a leading axis of seeds.

    keys: (seeds,) run keys; the trainer's fold for the first state is made here.
    """
    return jax.vmap(lambda key: core.init(game, jax.random.fold_in(key, 0)))(keys)


def pick(states: State, i: int) -> State:
    """Replica i's state, as if it had been trained alone."""
    return jax.tree.map(lambda x: x[i], states)


def period(game: Game) -> tuple[tuple[str, ...], ...]:
    """The turns due at each step of the shortest cycle that all turns share."""
    length = math.lcm(*(turn.every for turn in game.turns))
    return tuple(core.due(game, t) for t in range(length))


def replicas(step: Step) -> Step:
    """`step` over states, batches and keys that carry a leading axis of seeds each."""

    def many(
        states: State, batches: Batch, keys: Array, *, turns: tuple[str, ...]
    ) -> tuple[State, Metrics]:
        return jax.vmap(lambda *args: step(*args, turns=turns))(states, batches, keys)

    return many


def chunk(
    step: Step, states: State, batches: Batch, keys: Array, *, turns: tuple[tuple[str, ...], ...]
) -> tuple[State, Metrics]:
    """Many steps of every replica in one dispatch: a scan over periods, each period unrolled.

    Which turns play is static, hence the unrolling. Jit it with `step` bound and `turns` static;
    `states` may be donated.

    Args:
      step: (state, batch, key, *, turns) -> (state, metrics), one replica's.
      states: from `init` or a chunk before, at a step that is a multiple of len(turns).
      batches: leaves (steps, seeds, batch, ...), steps a multiple of len(turns).
      keys: (seeds,) run keys.
      turns: `period(game)`.

    Returns:
      The states, and each metric's mean (seeds,) over the steps that report it: not finite where
      any of its values was not.
    """
    many = replicas(step)
    cycles = jax.tree.map(lambda x: x.reshape(-1, len(turns), *x.shape[1:]), batches)

    def cycle(states: State, batches: Batch) -> tuple[State, Metrics]:
        seen: dict[str, list[Array]] = {}
        for t, names in enumerate(turns):
            batch = jax.tree.map(lambda x, t=t: x[t], batches)
            states, metrics = many(states, batch, keys, turns=names)
            for name, value in metrics.items():
                seen.setdefault(name, []).append(value)
        return states, {name: sum(values) / len(values) for name, values in seen.items()}

    states, metrics = jax.lax.scan(cycle, states, cycles)
    return states, {name: values.mean(axis=0) for name, values in metrics.items()}


def gather(
    feeds: Sequence[Callable[[int], Mapping[str, np.ndarray]]], start: int, stop: int
) -> dict[str, np.ndarray]:
    """What `chunk` takes for steps start to stop - 1: leaves (stop - start, seeds, batch, ...).

    feeds: one batch = feed(step) per seed, as `Batches` of that seed.
    """
    rows = [[feed(step) for feed in feeds] for step in range(start, stop)]
    stack = lambda *leaves: np.stack(leaves)  # noqa: E731
    return jax.tree.map(stack, *[jax.tree.map(stack, *row) for row in rows])


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean over seeds (n,) and half the width of its 95 % interval, Student's t; 0 where n = 1."""
    from scipy.special import stdtrit

    values = np.asarray(values, np.float64)
    n = len(values)
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n) if n > 1 else 0.0
    return float(values.mean()), float(half)
