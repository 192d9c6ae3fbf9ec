"""What a run looks like at a step: a picture of the same inputs each time, and its health."""

import functools
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Batch, Game, State
from jaxgan.training import diagnostics as diagnosis
from jaxgan.training import logger as metrics
from jaxgan.visual import grid as pictures


class Viewer:
    """Draws and diagnoses; images become a grid, points in the plane a scatter picture."""

    def __init__(self, game: Game, reals: Batch, *, samples: int, key: jax.Array, folder: Path):
        """Draws the inputs that every picture is made of.

        Args:
          game: whose samples to draw.
          reals: a batch of the data, images as floats in [-1, 1].
          samples: how many to draw. key: draws them. folder: where pictures go.
        """
        k_inputs, self._key = jax.random.split(key)
        given = {}  # labels go round in turn, but vectors are the data's
        if "condition" in reals:
            rows = np.arange(samples) % len(reals["condition"])
            given = {"condition": jnp.asarray(reals["condition"][rows])}
        self._inputs = game.inputs(k_inputs, samples, given)
        self._reals = reals
        self._folder = folder
        self._game = game
        self._sample = jax.jit(game.sample)
        self._measure = jax.jit(functools.partial(diagnosis.measure, game))

    def draw(self, states: Sequence[State], step: int) -> np.ndarray:
        """Saves FOLDER/<step>.png and returns it, (H, W, C) uint8.

        One state fills a grid; of several, each has a row of its own, or a panel of points.
        """
        drawn = [self._sample(state, self._inputs, self._key) for state in states]
        if drawn[0].shape[1:] == (2,):
            panels = [self._scatter(*each) for each in zip(states, drawn, strict=True)]
            picture = np.concatenate(panels, axis=1)
        else:
            images = pictures.to_uint8(np.concatenate(drawn))
            picture = pictures.grid(images, columns=0 if len(drawn) == 1 else len(drawn[0]))
        pictures.save_png(self._folder / f"{step:08d}.png", picture)
        return picture

    def diagnose(self, states: Sequence[State]) -> dict[str, float]:
        """`diagnosis.measure` on as many samples as there are reals, under diagnosis/."""
        rows = [self._diagnose(state) for state in states]
        if len(rows) == 1:
            return metrics.spread(rows[0])
        return metrics.spread({name: np.array([row[name] for row in rows]) for name in rows[0]})

    def _diagnose(self, state: State) -> dict[str, np.ndarray]:
        n = min(len(self._reals["image"]), len(self._inputs["z"]))
        fake = self._sample(state, {k: v[:n] for k, v in self._inputs.items()}, self._key)
        real = {name: column[:n] for name, column in self._reals.items()}
        values = self._measure(state, fake, real, self._key)
        return {f"diagnosis/{name}": np.asarray(value) for name, value in values.items()}

    def _scatter(self, state: State, samples: jax.Array) -> np.ndarray:
        real = np.asarray(self._reals["image"])
        extent = 1.3 * float(np.abs(real).max())
        points = pictures.lattice(extent)
        first = {name: column[:1].repeat(len(points), 0) for name, column in self._reals.items()}
        levels = self._game.critic(state, first | {"image": points})
        return pictures.scatter(real, np.asarray(samples), np.asarray(levels), extent)
