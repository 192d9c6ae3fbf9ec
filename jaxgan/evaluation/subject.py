"""What is evaluated: a run, its samples and its data. What no metric asks for is not opened."""

import dataclasses
import sys
from functools import cached_property
from pathlib import Path

import numpy as np

from jaxgan.core.game import Game, Spec, State
from jaxgan.data.source import Source, items
from jaxgan.evaluation.features import extract
from jaxgan.generation import sample
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.setup import open_source, spec_of
from jaxgan.visual.grid import to_uint8

N = 2000  # samples, and real images
READ = 500  # real images read at once


@dataclasses.dataclass(frozen=True)
class Subject:
    """A run to evaluate.

    workdir: its folder.
    n: how many samples, and real images; None for N, or all real images where they are fewer.
    seed: at least 0, of every draw.
    step: of a kept checkpoint; None for the newest.
    replica: which of the run's seeds, counted from 0.
    path: where path lengths are measured, 'end' or 'full'.
    generator: 'averaged', 'last', or '' for the average where there is one.
    """

    workdir: Path
    n: int | None = None
    seed: int = 0
    step: int | None = None
    replica: int = 0
    path: str = "end"
    generator: str = ""

    @cached_property
    def record(self) -> workdir.Record:
        """What config.json says, from which nothing has been restored yet."""
        return workdir.read(self.workdir)

    @cached_property
    def restored(self) -> workdir.Restored:
        """The run as its checkpoint holds it, with the generator that is asked for.

        Raises:
          UserError: as workdir.restore, or there is no such generator.
        """
        found = workdir.restore(self.workdir, self.replica, self.step)
        return found._replace(state=sample.choose(found.game, found.state, self.generator))

    @property
    def spec(self) -> Spec:
        """The shape, classes and condition of the run's data."""
        return self.record.spec

    @property
    def game(self) -> Game:
        """The run's game."""
        return self.restored.game

    @property
    def state(self) -> State:
        """The run's state."""
        return self.restored.state

    @cached_property
    def opened(self) -> Source:
        """The run's data, without the augmentation of training batches.

        Raises:
          UserError: they are not there, or not as in training.
        """
        source = open_source(self.record.config["data"])
        found = spec_of(source)
        if found != self.spec:
            raise UserError(f"the data changed: the run was trained on {self.spec}, now {found}")
        return source

    @cached_property
    def source(self) -> Source:
        """The data that samples are compared with: what is kept out of training, else all.

        Raises:
          UserError: as `opened`, or they are fewer than n.
        """
        source = self.opened.test or self.opened
        if self.n and self.n > source.size:
            raise UserError(f"--n={self.n}: the data are {source.size} images; give at most that")
        return source

    @cached_property
    def size(self) -> int:
        """How many samples, and real images, a metric compares."""
        return self.n or min(N, self.source.size)

    @cached_property
    def features(self) -> extract.Params:
        """The weights of the network whose features metrics compare."""
        return extract.load()

    def check_images(self) -> None:
        """Refuses data that are not images.

        Raises:
          UserError: says so.
        """
        if len(self.spec.shape) != 3:
            raise UserError(f"--metrics: some are of images only, the data are {self.spec.shape}")

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All columns of `size` real items, as `real` draws them."""
        return self.real(self.size)

    @property
    def split(self) -> str:
        """Which of the data are compared: 'test' where some are kept out of training."""
        return "test" if self.opened.test else "train"

    @property
    def share(self) -> float:
        """How much of that split is compared, above 0 and at most 1."""
        return self.size / self.source.size

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Two sets of real images that share none, as `pair` has them, whose distance is a floor.

        The first is the one that samples are compared with, and the second as large, where the data
        have so many; else each is half of them.
        """
        if 2 * self.size > self.source.size:
            n = self.source.size // 2
            both = self._as_samples(self.real(2 * n))
            order = np.random.default_rng(self.seed).permutation(2 * n)
            return both[order[:n]], both[order[n:]]
        rest = np.setdiff1d(np.arange(self.source.size), self._rows(self.size))
        rows = np.random.default_rng(self.seed).choice(rest, self.size, replace=False)
        return self._as_samples(self.columns), self._as_samples(self._read(rows))

    def real(self, n: int) -> dict[str, np.ndarray]:
        """Draws n real items without replacement: all columns of the data, n rows each.

        Of those kept out of training, where there are any.
        """
        return self._read(self._rows(n))

    def _rows(self, n: int) -> np.ndarray:
        """Draws the indices of n real items."""
        return np.random.default_rng(self.seed).choice(self.source.size, n, replace=False)

    def _read(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Reads items: all columns of the data."""
        n, rows = len(rows), np.sort(rows)  # files are read in order
        parts = [items(self.source, rows[i : i + READ]) for i in range(0, n, READ)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Real items and samples: images uint8 (n, H, W, C), points float32 (n, D).

        Samples are those of jaxgan.sample, except that inputs which the data have a column for
        are the real images' own: labels, vectors, images to translate.
        """
        print(f"drawing {self.size} samples of step {int(self.state.step)}", file=sys.stderr)
        given = sample.of_data(self.game.inputs, self.columns)
        fakes, _ = sample.draw(self.game, self.state, self.size, self.seed, given)
        return self._as_samples(self.columns), fakes

    def _as_samples(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Returns what samples should resemble, in their type."""
        images = columns[self.game.target]
        return to_uint8(images) if images.ndim == 4 and images.dtype != np.uint8 else images
