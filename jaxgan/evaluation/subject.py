"""What is evaluated: a run, its samples and its data. What no metric asks for is not opened."""

import dataclasses
import sys
from functools import cached_property
from pathlib import Path

import numpy as np

from jaxgan.core.game import Game, Spec, State
from jaxgan.data.source import Source
from jaxgan.evaluation import translations
from jaxgan.evaluation.features import extract, network
from jaxgan.generation import sample
from jaxgan.generation.translated import BACK, COLUMNS
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
    net: the network whose features metrics compare, as `extract.load` takes it.
    direction: of a run that translates, 'a2b' or 'b2a'; '' of others.
    base: the same run without a direction, from which all is taken that is the same in both.
    """

    workdir: Path
    n: int | None = None
    seed: int = 0
    step: int | None = None
    replica: int = 0
    path: str = "end"
    generator: str = ""
    net: str = extract.DEFAULT
    direction: str = ""
    base: "Subject | None" = None

    def views(self) -> "list[Subject]":
        """Returns the run in each direction that it translates in; of other games, itself.

        Raises:
          UserError: there is no such run.
        """
        if not self.spec.other or not self.game.translators:
            return [self]
        absent = self.absent()
        for name in absent:
            print(f"{name} is not evaluated: {workdir.without(name)}", file=sys.stderr)
        names = [name for name in COLUMNS if name not in absent]
        return [dataclasses.replace(self, direction=name, base=self) for name in names]

    def absent(self) -> tuple[str, ...]:
        """The directions whose generator neither weights nor training have made."""
        return tuple(self.restored.absent) if self.record.missing else ()

    @cached_property
    def record(self) -> workdir.Record:
        """What config.json says, from which nothing has been restored yet."""
        return self.base.record if self.base else workdir.read(self.workdir)

    @cached_property
    def restored(self) -> workdir.Restored:
        """The run as its checkpoint holds it, with the generator that is asked for.

        Raises:
          UserError: as workdir.restore, or there is no such generator.
        """
        if self.base:
            return self.base.restored
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
        if self.base:
            return self.base.opened
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
        if self.n and self.n > (most := min(source.sizes or (source.size,))):
            raise UserError(f"--n={self.n}: the data are {most} images; give at most that")
        return source

    @cached_property
    def size(self) -> int:
        """How many samples, and real images, a metric compares."""
        return self.n or min(N, *(self.source.sizes or (self.source.size,)))

    @cached_property
    def features(self) -> network.Features:
        """The network whose features metrics compare."""
        return self.base.features if self.base else extract.load(self.net)

    @cached_property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """The features (n, D) of each set of `pair`, which several metrics compare."""
        real, fake = self.pair
        return self.features.extract(real, "features: real"), self.features.extract(
            fake, "features: samples"
        )

    @cached_property
    def seen_halves(self) -> tuple[np.ndarray, np.ndarray]:
        """The features (n, D) of each set of `halves`; those known from `seen` are not repeated."""
        a, b = self.halves
        known = np.array_equal(a, self.pair[0])
        first = self.seen[0] if known else self.features.extract(a, "features: real, for floors")
        return first, self.features.extract(b, "features: real, for floors")

    def check_images(self) -> None:
        """Refuses data that are not images.

        Raises:
          UserError: says so.
        """
        if len(self.spec.shape) != 3:
            raise UserError(f"--metrics: some are of images only, the data are {self.spec.shape}")

    def check_features(self, metric: str, least: int) -> None:
        """Refuses what has no features, or fewer items than a metric needs.

        Raises:
          UserError: the reason, in one line.
        """
        self.check_images()
        network.check_channels(self.spec.shape[-1])
        _ = self.features, self.source
        if self.size < least:
            raise UserError(f"--n={self.size}: {metric} needs at least {least} samples and reals")

    def check_translates(self, metric: str, *, back: bool) -> None:
        """Refuses a run that does not translate, and with `back` one without the way back.

        Raises:
          UserError: says so.
        """
        if not self.direction:
            raise UserError(
                f"--metrics={metric}: this run's game does not translate; cyclegan.py's does"
            )
        if back and BACK[self.direction] in self.absent():
            raise UserError(f"--metrics={metric}: {workdir.without(BACK[self.direction])}")

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All columns of `size` real items, as `real` draws them."""
        return self.base.columns if self.base else self.real(self.size)

    @property
    def split(self) -> str:
        """Which of the data are compared: 'test' where some are kept out of training."""
        return "test" if self.opened.test else "train"

    @property
    def target(self) -> str:
        """The column of the data that samples should resemble."""
        return COLUMNS[self.direction][1] if self.direction else self.game.target

    @property
    def goal(self) -> Source:
        """The data that have the images that samples should resemble, of two domains one."""
        return self.source.second if self.source.second and self.target == "other" else self.source

    @property
    def share(self) -> float:
        """How much of `goal` is compared, above 0 and at most 1."""
        return self.size / self._counts["image" if self.goal is self.source else "other"]

    @cached_property
    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Two sets of real images that share none, as `pair` has them, whose distance is a floor.

        The first is the one that samples are compared with, and the second as large, where the data
        have so many; else each is half of them.
        """
        count = self._counts["image" if self.goal is self.source else "other"]
        draw, first = np.random.default_rng(self.seed), self._rows(self.size)[self.target]
        if 2 * self.size > count:
            first, second = np.split(draw.permutation(count)[: count // 2 * 2], 2)
        else:
            rest = np.setdiff1d(np.arange(count), first)
            second = draw.choice(rest, self.size, replace=False)
        return tuple(pixels(_read(self.goal, rows)["image"]) for rows in (first, second))

    def real(self, n: int) -> dict[str, np.ndarray]:
        """Draws n real items without replacement: all columns of the data, n rows each.

        Of those kept out of training, where there are any. Of two domains whose images are no
        pairs, each is drawn by itself.
        """
        rows = self._rows(n)
        columns = _read(self.source, rows["image"])
        if self.source.second:
            columns["other"] = _read(self.source.second, rows["other"])["image"]
        return columns

    @property
    def _counts(self) -> dict[str, int]:
        """How many images the data have; of two domains each."""
        sizes = self.source.sizes or (self.source.size,)
        return dict(zip(("image", "other"), sizes, strict=False))

    def _rows(self, n: int) -> dict[str, np.ndarray]:
        """Draws the indices of n real items; of two domains those of each."""
        draw = np.random.default_rng(self.seed)
        rows = {name: draw.choice(count, n, replace=False) for name, count in self._counts.items()}
        return dict.fromkeys(rows, rows["image"]) if self.source.aligned else rows

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Real items and samples: images uint8 (n, H, W, C), points float32 (n, D).

        Samples are those of jaxgan.sample, except that inputs which the data have a column for
        are the real images' own: labels, vectors, images to translate. A translation's are those
        of `direction`, beside the real images of the domain that it leads to.
        """
        of = f"translations {self.direction}" if self.direction else "samples"
        print(f"drawing {self.size} {of} of step {int(self.state.step)}", file=sys.stderr)
        if self.direction:
            fakes = to_uint8(translations.translated(self.restored, self.direction, self.columns))
        else:
            given = sample.of_data(self.game.inputs, self.columns)
            fakes, _ = sample.draw(self.game, self.state, self.size, self.seed, given)
        return pixels(self.columns[self.target]), fakes


def pixels(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1] as uint8; bytes, and points (n, D), as they are."""
    return to_uint8(images) if images.ndim == 4 and images.dtype != np.uint8 else images


def _read(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Gathers the columns of a source, of two domains of the first, READ at a time."""
    rows = np.sort(rows)  # files are read in order
    parts = [source.gather(rows[i : i + READ]) for i in range(0, len(rows), READ)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
