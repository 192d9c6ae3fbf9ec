"""Studies mode coverage: trains replicas of a recipe on points in the plane and counts modes."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxgan.config.registry import bind
from jaxgan.core import inputs
from jaxgan.core.game import Game, State
from jaxgan.core.keys import named
from jaxgan.data.sources import toy
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.mode_coverage import POINTS, quality
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.generation import sample
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch, logger, replicas
from jaxgan.training.divergence import Detector, Diverged
from jaxgan.training.setup import GIVEN, prepare
from jaxgan.training.step import train_step
from jaxgan.visual import plots

CHUNK = 500  # steps in one dispatch, at most


def study(
    config: Mapping[str, Any], n: int, generator: str = ""
) -> tuple[dict[str, Estimate], np.ndarray]:
    """Trains n replicas of a config on a mixture, from seed config.seed on; saves nothing.

    Args:
      config: of jaxgan.main. n: how many replicas.
      generator: 'averaged', 'last', or '' for the average where there is one.

    Returns:
      The mean over seeds and its 95 % interval of each figure of `quality`, and the first seed's
      scatter picture.

    Raises:
      UserError: anything in the config that is unknown or does not fit; a loss or points that are
        not finite.
    """
    run = bind(prepare, {**config, "seeds": n}, at="config", given=GIVEN)()
    game, source = run.game, run.feeds[0].source
    sample.choose(game, replicas.like(game, n), generator)  # or there is no such generator
    name = config["data"]["name"]
    centers, std = toy.modes(name)
    if not len(centers):
        raise UserError(f"config.data.name={name}: has no modes; ring and grid do")
    keys, turns = replicas.keys(run.seed, n), dispatch.period(game)
    if run.steps < len(turns):
        raise UserError(f"config.steps={run.steps}: the turns of this game take {len(turns)}")
    step = replicas.replicate(partial(train_step, game))
    chunk = dispatch.compiled(partial(dispatch.chunk, step))
    states = jax.jit(jax.vmap(partial(replicas.first, game)))(keys)
    cycles, most = run.steps // len(turns), max(1, CHUNK // len(turns))
    meter = logger.Meter(run.growth.seen, Detector(game, run.rates).check)
    for done in range(0, cycles, most):
        shape = (min(most, cycles - done) * len(turns), run.batch)
        rows = [draw(run.seed + i, done, source.size, shape) for i in range(n)]
        states, metrics = chunk(states, source.gather(np.stack(rows, axis=1)), keys, turns=turns)
        meter.add(metrics, shape[0])
        meter.read(done * len(turns) + shape[0], None)  # raises where a value is not finite

    extent = 1.3 * float(np.abs(centers).max())
    points, levels = look(game, sample.choose(game, states, generator), keys, extent)
    if not (np.isfinite(points).all() and np.isfinite(levels).all()):
        raise Diverged("points of g, or d at them, are not finite; lower config.optim.g.lr")
    real = source.gather(np.arange(POINTS))["image"]
    scores = summary([quality(p, centers, std) for p in points], len(centers))
    return scores, plots.scatter(real, points[0], levels, extent)


def summary(found: Sequence[Mapping[str, float]], modes: int) -> dict[str, Estimate]:
    """Returns the mean over seeds of each figure of `quality`; intervals keep to what it can be."""
    columns = {name: np.array([each[name] for each in found], float) for name in found[0]}
    return {
        "modes": uncertainty.over_seeds(columns["modes"] / modes, modes).scaled(modes),
        "high_quality": uncertainty.over_seeds(columns["high_quality"], POINTS),
        "reverse_kl": uncertainty.of_seeds(columns["reverse_kl"], 0.0, math.log(modes)),
    }


def draw(seed: int, chunk: int, size: int, shape: tuple[int, int]) -> np.ndarray:
    """Draws indices below `size`, with replacement, for the batches of one chunk.

    A function of its arguments alone, so a replica's data do not depend on the others. It takes
    microseconds where `Batches`, which passes over the points in turn, takes milliseconds a step.
    """
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, chunk]))
    return rng.integers(size, size=shape)


def look(
    game: Game, states: State, keys: jax.Array, extent: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draws points (seeds, 2500, 2), and the first seed's critic on a lattice."""

    def points(state: State, key: jax.Array) -> jax.Array:
        k_inputs, k_sample = jax.random.split(named(key, "points"))
        return game.sample(state, inputs.draw(game.inputs, k_inputs, POINTS), k_sample)

    drawn = jax.jit(jax.vmap(points))(states, keys)
    critic = jax.jit(lambda state, x: game.critic(state, {"image": x}))
    levels = critic(replicas.pick(states, 0), plots.lattice(extent))
    return np.asarray(drawn), np.asarray(levels)
