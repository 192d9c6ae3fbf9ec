"""Snapshots of a run in training: a picture of the same inputs each time, and diagnostics."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.game import Batch, Game, State
from jaxgan.data.images import convert_channels
from jaxgan.parallel import mesh
from jaxgan.training import diagnostics, logger
from jaxgan.training.programs.options import options
from jaxgan.visual import plots, raster
from jaxgan.visual.sheet import WIDEST, arranged, beside, sheet

Lower = Callable[[], jax.stages.Lowered]
STRIP = ("A", "to B", "and back", "B", "to A", "and back")  # of a translation


class Snapshots:
    """Draws samples and measures them; images become a grid, points in the plane a scatter plot."""

    def __init__(
        self,
        game: Game,
        reals: Batch,
        *,
        samples: int,
        key: jax.Array,
        folder: Path | None,
        classes: Sequence[str] = (),
    ):
        """Draws the inputs that every picture is drawn from.

        Args:
          game: whose samples to draw.
          reals: items of the data, images as floats in [-1, 1].
          samples: how many to draw. key: of the draws.
          folder: where pictures are written; None of a process that draws them, since all of a run
            do together, and writes none.
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
        self._inputs = mesh.gathered(inputs.draw(game.inputs, k_inputs, samples, given))
        self._reals = reals
        self._folder = folder
        self._classes = classes
        self._game = game
        jit = functools.partial(jax.jit, compiler_options=options(seldom=True))
        self._sample = jit(game.sample)
        self._strips = _whole(jit(game.strips)) if game.strips else None
        measure = functools.partial(diagnostics.measure, game, classes=len(classes))
        self._measure = jit(measure)

    def draw(self, states: Sequence[State], step: int) -> np.ndarray:
        """Saves FOLDER/<step>.png and returns it, (H, W, C) uint8.

        One state fills a grid; each of several fills a row, or a panel of points. Of a game with
        strips, each is a row.
        """
        if self._strips:
            rows = np.concatenate([self._strips(state, self._shown, self._key) for state in states])
            images = raster.to_uint8(rows.reshape(-1, *rows.shape[2:]))
            names = STRIP if self._game.translators else ()
            picture = sheet(images, rows.shape[1], names=names)
        else:
            picture = self._picture(states)
        if self._folder:
            raster.save_png(self._folder / f"{step:08d}.png", picture)
        return picture

    def draw_real(self) -> np.ndarray:
        """Saves FOLDER/real.png, real items as the nets see them, and returns it as `draw` does.

        Of a game of two domains the images of both, A's left of B's.
        """
        picture = self._real()
        if self._folder:
            raster.save_png(self._folder / "real.png", picture)
        return picture

    def draw_beside(self, states: Sequence[State], path: Path | None) -> None:
        """Saves real items, as `draw_real` draws them, beside samples of the first state.

        Of games with strips, which show both, and by None it saves nothing.
        """
        if not self._strips:
            fake = self._picture(states[:1], title="generated")
            if path:
                raster.save_png(path, beside([self._real(title="real"), fake]))

    def _picture(self, states: Sequence[State], title: str = "") -> np.ndarray:
        """Draws samples: of one state a grid, of each of several a row, or a panel of points."""
        drawn = [self._draw(state, self._inputs) for state in states]
        if drawn[0].shape[1:] == (2,):
            panels = [self._scatter(*each) for each in zip(states, drawn, strict=True)]
            return np.concatenate(panels, axis=1)
        images = raster.to_uint8(np.concatenate(drawn))
        labels = [self._inputs[name] for name in diagnostics.labels(self._game, self._shown)]
        names = self._names(labels)
        if len(drawn) > 1:
            rows = [f"seed {i}" for i in range(len(drawn))]
            return sheet(images, len(drawn[0]), rows=rows, captions=len(drawn) * names, title=title)
        return sheet(images, **arranged(names), title=title)

    def _real(self, title: str = "") -> np.ndarray:
        """Draws real items; those of one class in one column, as the samples are."""
        columns = ("image", "other") if self._game.translators else (self._game.target,)
        reals = [np.asarray(self._reals[column]) for column in columns]
        if reals[0].shape[1:] == (2,):
            return plots.scatter(reals[0], reals[0][:0], extent=_extent(reals[0]))
        n, channels = inputs.size(self._inputs), max(real.shape[-1] for real in reals)
        labels = list(diagnostics.labels(self._game, self._reals).values())
        order = np.arange(len(reals[0]))
        if labels and len(self._classes) <= WIDEST:
            order = in_turn(np.asarray(labels[0]), len(self._classes))
        names = self._names([labels[0][order]] if labels else [])[:n]
        domains = [convert_channels(raster.to_uint8(real[order][:n]), channels) for real in reals]
        titles = ("A", "B") if len(domains) > 1 else (title,)
        sheets = [
            sheet(images, **arranged(names), title=each)
            for images, each in zip(domains, titles, strict=True)
        ]
        return beside(sheets)

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
        real, drawn = self._pairs()
        fake = self._draw(state, drawn)
        values = mesh.gathered(self._measure(state, fake, real, self._key))
        return {f"diagnosis/{name}": np.asarray(value) for name, value in values.items()}

    def _draw(self, state: State, drawn: core.Drawn) -> np.ndarray:
        """Draws samples that every process has whole."""
        return np.asarray(mesh.gathered(self._sample(state, drawn, self._key)))

    def _pairs(self) -> tuple[Batch, core.Drawn]:
        """Returns the items that `diagnose` compares, and inputs of samples of their labels."""
        n = self.compared
        real = {name: column[:n] for name, column in self._reals.items()}
        drawn = {name: rows[:n] for name, rows in self._inputs.items()}
        return real, drawn | diagnostics.labels(self._game, real)

    def lowered(self, state: State) -> Iterator[Lower]:
        """Yields what lowers the programs of `draw` and `diagnose`, for states like this one."""
        real, drawn = self._pairs()
        like = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
        )
        for given in [drawn] if self._strips else [self._inputs, drawn]:
            yield functools.partial(self._sample.lower, like, given, self._key)
        fake = jax.eval_shape(self._game.sample, like, drawn, self._key)
        fake = jax.ShapeDtypeStruct(fake.shape, fake.dtype)  # it comes from the host
        yield functools.partial(self._measure.lower, like, fake, real, self._key)

    def _names(self, labels: Sequence[jax.Array]) -> list[str]:
        """Returns the names of the first labels (N,), of a game that takes any."""
        return [self._classes[k] for k in np.asarray(labels[0]).tolist()] if labels else []

    def _scatter(self, state: State, samples: jax.Array) -> np.ndarray:
        real = np.asarray(self._reals["image"])
        extent = _extent(real)
        points = plots.lattice(extent)
        first = {name: column[:1].repeat(len(points), 0) for name, column in self._reals.items()}
        levels = mesh.gathered(self._game.critic(state, first | {"image": points}))
        return plots.scatter(real, np.asarray(samples), np.asarray(levels), extent)


def _whole(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `draw` with results that every process has whole."""
    return lambda *args: mesh.gathered(draw(*args))


def _extent(points: np.ndarray) -> float:
    """Returns where a scatter plot of points ends."""
    return 1.3 * float(np.abs(points).max())


def in_turn(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns the places of labels (N,) in the order 0, 1, 2 and so on, as far as all have one.

    Those that are left follow, in their own order.
    """
    places = [np.flatnonzero(labels == k) for k in range(classes)]
    rounds = min(len(each) for each in places)
    first = np.stack([each[:rounds] for each in places], axis=1).reshape(-1)
    if not rounds:
        return np.arange(len(labels))
    return np.concatenate([first, np.setdiff1d(np.arange(len(labels)), first)])
