"""Studies mode coverage: trains replicas of a recipe on points in the plane and counts modes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxgan.core import inputs
from jaxgan.core.game import Game, Spec, State
from jaxgan.core.keys import named
from jaxgan.data.sources import toy
from jaxgan.evaluation.mode_coverage import POINTS, quality
from jaxgan.training import dispatch, replicas
from jaxgan.training.setup import make_game, open_source
from jaxgan.training.step import train_step
from jaxgan.visual import plots

CHUNK = 500  # steps in one dispatch, at most


def study(config: Mapping[str, Any], n: int) -> tuple[dict[str, tuple[float, float]], np.ndarray]:
    """Trains n replicas of a config on a mixture, from seed config.seed on; saves nothing.

    Returns:
      The mean over seeds and half its 95 % interval of each figure of `quality`, and the first
      seed's scatter picture.

    Raises:
      UserError: anything in the config that is unknown or does not fit.
    """
    source = open_source(config["data"])
    spec = Spec(tuple(source.shape), len(source.classes), source.condition_dim)
    game = make_game(config["game"], config["optim"], spec=spec, steps=config["steps"])
    keys, turns = replicas.keys(config["seed"], n), dispatch.period(game)
    states = jax.jit(jax.vmap(partial(replicas.first, game)))(keys)
    step = replicas.replicate(partial(train_step, game))
    chunk = dispatch.compiled(partial(dispatch.chunk, step))
    cycles, most = config["steps"] // len(turns), max(1, CHUNK // len(turns))
    for done in range(0, cycles, most):
        shape = (min(most, cycles - done) * len(turns), config["batch"])
        rows = [draw(config["seed"] + i, done, source.size, shape) for i in range(n)]
        states, _ = chunk(states, source.gather(np.stack(rows, axis=1)), keys, turns=turns)

    centers, std = toy.modes(config["data"]["name"])
    extent = 1.3 * float(np.abs(centers).max())
    points, levels = look(game, states, keys, extent)
    real = source.gather(np.arange(POINTS))["image"]
    found = [quality(p, centers, std) for p in points]
    scores = {name: replicas.interval([each[name] for each in found]) for name in found[0]}
    return scores, plots.scatter(real, points[0], levels, extent)


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
