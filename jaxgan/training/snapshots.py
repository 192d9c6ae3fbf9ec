"""Snapshots of a run in training: a picture of the same inputs each time, and diagnostics."""

import functools
from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import inputs
from jaxgan.core.game import Batch, Game, State
from jaxgan.data.images import convert_channels
from jaxgan.training import diagnostics, logger
from jaxgan.visual import grid, plots


class Snapshots:
    """Draws samples and measures them; images become a grid, points in the plane a scatter plot."""

    def __init__(
        self,
        game: Game,
        reals: Batch,
        *,
        samples: int,
        key: jax.Array,
        folder: Path,
        classes: Sequence[str] = (),
    ):
        """Draws the inputs that every picture is drawn from.

        Args:
          game: whose samples to draw.
          reals: items of the data, images as floats in [-1, 1].
          samples: how many to draw. key: of the draws. folder: where pictures are written.
          classes: names of the data's labels, which a picture of a game that takes any shows.
        """
        k_inputs, self._key = jax.random.split(key)
        rows = np.arange(samples) % len(reals["image"])
        self._shown = {name: jnp.asarray(column[rows]) for name, column in reals.items()}
        given = {
            field.column: self._shown[field.column]
            for field in game.inputs.values()
            if field.of_data
        }
        self._inputs = inputs.draw(game.inputs, k_inputs, samples, given)
        self._reals = reals
        self._folder = folder
        self._classes = classes
        self._game = game
        self._sample = jax.jit(game.sample)
        self._strips = jax.jit(game.strips) if game.strips else None
        self._measure = jax.jit(functools.partial(diagnostics.measure, game, classes=len(classes)))

    def draw(self, states: Sequence[State], step: int) -> np.ndarray:
        """Saves FOLDER/<step>.png and returns it, (H, W, C) uint8.

        One state fills a grid; each of several fills a row, or a panel of points. Of a game with
        strips, each is a row.
        """
        if self._strips:
            rows = np.concatenate([self._strips(state, self._shown, self._key) for state in states])
            picture = grid.grid(grid.to_uint8(rows.reshape(-1, *rows.shape[2:])), rows.shape[1])
            grid.save_png(self._folder / f"{step:08d}.png", picture)
            return picture
        drawn = [self._sample(state, self._inputs, self._key) for state in states]
        if drawn[0].shape[1:] == (2,):
            panels = [self._scatter(*each) for each in zip(states, drawn, strict=True)]
            picture = np.concatenate(panels, axis=1)
        else:
            images = grid.to_uint8(np.concatenate(drawn))
            labels = [self._inputs[name] for name in diagnostics.labels(self._game, self._shown)]
            images = grid.captioned(images, len(drawn) * self._names(labels))
            picture = grid.grid(images, columns=0 if len(drawn) == 1 else len(drawn[0]))
        grid.save_png(self._folder / f"{step:08d}.png", picture)
        return picture

    def draw_real(self) -> np.ndarray:
        """Saves FOLDER/real.png, real items as the nets see them, and returns it as `draw` does.

        Of a game of two domains the images of both, A's left of B's.
        """
        columns = ("image", "other") if self._game.translators else (self._game.target,)
        reals = [np.asarray(self._reals[column]) for column in columns]
        if reals[0].shape[1:] == (2,):
            picture = plots.scatter(reals[0], reals[0][:0], extent=_extent(reals[0]))
        else:
            n, channels = inputs.size(self._inputs), max(real.shape[-1] for real in reals)
            names = self._names(list(diagnostics.labels(self._game, self._reals).values()))[:n]
            domains = [convert_channels(grid.to_uint8(real[:n]), channels) for real in reals]
            grids = [grid.grid(grid.captioned(images, names)) for images in domains]
            picture = np.concatenate(grids, axis=1)
        grid.save_png(self._folder / "real.png", picture)
        return picture

    def diagnose(self, states: Sequence[State]) -> dict[str, float]:
        """Returns `diagnostics.measure` on as many samples as real images, under diagnosis/.

        The samples are those of the pictures, but of the real images' labels.
        """
        rows = [self._diagnose(state) for state in states]
        if len(rows) == 1:
            return logger.spread(rows[0])
        return logger.spread({name: np.array([row[name] for row in rows]) for name in rows[0]})

    @property
    def compared(self) -> int:
        """How many real items, and samples, `diagnose` compares."""
        return min(len(self._reals["image"]), inputs.size(self._inputs))

    def _diagnose(self, state: State) -> dict[str, np.ndarray]:
        n = self.compared
        real = {name: column[:n] for name, column in self._reals.items()}
        drawn = {name: rows[:n] for name, rows in self._inputs.items()}
        drawn |= diagnostics.labels(self._game, real)
        fake = self._sample(state, drawn, self._key)
        values = self._measure(state, fake, real, self._key)
        return {f"diagnosis/{name}": np.asarray(value) for name, value in values.items()}

    def _names(self, labels: Sequence[jax.Array]) -> list[str]:
        """Returns the names of the first labels (N,), of a game that takes any."""
        return [self._classes[k] for k in np.asarray(labels[0]).tolist()] if labels else []

    def _scatter(self, state: State, samples: jax.Array) -> np.ndarray:
        real = np.asarray(self._reals["image"])
        extent = _extent(real)
        points = plots.lattice(extent)
        first = {name: column[:1].repeat(len(points), 0) for name, column in self._reals.items()}
        levels = self._game.critic(state, first | {"image": points})
        return plots.scatter(real, np.asarray(samples), np.asarray(levels), extent)


def _extent(points: np.ndarray) -> float:
    """Returns where a scatter plot of points ends."""
    return 1.3 * float(np.abs(points).max())
