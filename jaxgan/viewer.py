"""What a run looks like at a step: a picture of the same inputs each time, and its health."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import diagnosis, pictures
from jaxgan.game import Batch, Game, State


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

    def draw(self, state: State, step: int) -> np.ndarray:
        """Saves FOLDER/<step>.png and returns it, (H, W, C) uint8."""
        samples = self._sample(state, self._inputs, self._key)
        points = samples.shape[1:] == (2,)
        picture = self._scatter(state, samples) if points else self._grid(samples)
        pictures.save_png(self._folder / f"{step:08d}.png", picture)
        return picture

    def diagnose(self, state: State) -> dict[str, float]:
        """`diagnosis.measure` on as many samples as there are reals, under diagnosis/."""
        n = min(len(self._reals["image"]), len(self._inputs["z"]))
        fake = self._sample(state, {k: v[:n] for k, v in self._inputs.items()}, self._key)
        real = {name: column[:n] for name, column in self._reals.items()}
        values = self._measure(state, fake, real, self._key)
        return {f"diagnosis/{name}": float(value) for name, value in values.items()}

    def _grid(self, samples: jax.Array) -> np.ndarray:
        return pictures.grid(pictures.to_uint8(samples))

    def _scatter(self, state: State, samples: jax.Array) -> np.ndarray:
        real = np.asarray(self._reals["image"])
        extent = 1.3 * float(np.abs(real).max())
        points = pictures.lattice(extent)
        first = {name: column[:1].repeat(len(points), 0) for name, column in self._reals.items()}
        levels = self._game.critic(state, first | {"image": points})
        return pictures.scatter(real, np.asarray(samples), np.asarray(levels), extent)
