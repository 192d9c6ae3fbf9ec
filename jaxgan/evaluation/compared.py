"""Two sets that metrics compare, real items and others, and how the real ones are drawn."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jax
import numpy as np

from jaxgan.core.game import Spec
from jaxgan.data.source import Source, digest
from jaxgan.evaluation import kept
from jaxgan.evaluation.features import network
from jaxgan.runtime.errors import UserError
from jaxgan.visual.raster import to_uint8

N = 2000  # samples, and real images
READ = 500  # real images read at once


class Compared:
    """What metrics read of two sets; of what a subclass says below, and of draws by `seed`."""

    n: int | None  # how many of each; None for N, or all real ones where they are fewer
    seed: int
    spec: Spec
    target: str  # the column of the data that is compared
    opened: Source  # the real items, and those kept out of training in its `test`
    features: network.Features  # the network whose features metrics compare
    fakes: np.ndarray  # the others, as many: uint8 (n, H, W, C), or float32 (n, D)

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

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All columns of `size` real items, as `real` draws them."""
        return self.real(self.size)

    @property
    def truncation(self) -> str:
        """By which psi samples are truncated, 'none' where they are not or that is not known."""
        return "none"

    @property
    def moments(self) -> str:
        """Which moments BatchNorm of the generator normalizes by, where not by running ones."""
        return ""

    @property
    def split(self) -> str:
        """Which of the data are compared: 'test' where some are kept out of training."""
        return "test" if self.opened.test else "train"

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
        return tuple(pixels(read(self.goal, rows)["image"]) for rows in self.rows_of_halves)

    @cached_property
    def rows_of_halves(self) -> tuple[np.ndarray, np.ndarray]:
        """The indices of `halves` in `goal`, int64 each."""
        count = self._counts["image" if self.goal is self.source else "other"]
        draw, first = np.random.default_rng(self.seed), self._rows(self.size)[self.target]
        if 2 * self.size > count:
            first, second = np.split(draw.permutation(count)[: count // 2 * 2], 2)
            return first, second
        return first, draw.choice(np.setdiff1d(np.arange(count), first), self.size, replace=False)

    def real(self, n: int) -> dict[str, np.ndarray]:
        """Draws n real items without replacement: all columns of the data, n rows each.

        Of those kept out of training, where there are any. Of two domains whose images are no
        pairs, each is drawn by itself.
        """
        rows = self._rows(n)
        columns = read(self.source, rows["image"])
        if self.source.second:
            columns["other"] = read(self.source.second, rows["other"])["image"]
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

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Real items and samples, as many: images uint8 (n, H, W, C), points float32 (n, D)."""
        return self.reals, self.fakes

    @cached_property
    def reals(self) -> np.ndarray:
        """The real items that samples are compared with."""
        return pixels(self.columns[self.target])

    @property
    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """The features (n, D) of each set of `pair`, which several metrics compare."""
        return self.seen_real, self.seen_fake

    @cached_property
    def seen_real(self) -> np.ndarray:
        """The features (n, D) of `reals`, which are not read where the features are remembered."""
        return self._features(self._rows(self.size)[self.target], lambda: self.reals)

    @cached_property
    def seen_fake(self) -> np.ndarray:
        """The features (n, D) of `fakes`."""
        return self.features.extract(self.fakes, "features: samples")

    @cached_property
    def seen_halves(self) -> tuple[np.ndarray, np.ndarray]:
        """The features (n, D) of each set of `halves`; those known from `seen` are not repeated."""
        a, b = self.rows_of_halves
        known = np.array_equal(np.sort(a), np.sort(self._rows(self.size)[self.target]))
        first = self.seen_real if known else self._features(a, lambda: self.halves[0])
        return first, self._features(b, lambda: self.halves[1])

    def _features(self, rows: np.ndarray, images: Callable[[], np.ndarray]) -> np.ndarray:
        """Computes the features (n, D) of rows of `goal`, in order of their index."""

        def compute() -> kept.Arrays:
            return {"features": self.features.extract(images(), "features: real")}

        return self.of_real({"net": self.features.stamp}, rows, compute)["features"]

    def of_real(
        self, what: Mapping[str, Any], rows: np.ndarray, compute: Callable[[], kept.Arrays]
    ) -> kept.Arrays:
        """Returns what `compute` makes of real items, rows of `goal`; remembers it, see kept.py.

        `what`: says what it makes, whatever it follows from but the items, as JSON has it.
        """
        stamp = {
            "content": self.goal.fingerprint,
            "shape": self.goal.shape,
            "rows": digest({"rows": np.sort(rows)}),
            "by": jax.default_backend(),
            **what,
        }
        return kept.arrays(stamp, compute)

    def floor(
        self,
        what: Mapping[str, Any],
        figures: Callable[[np.ndarray, np.ndarray], Mapping[str, float]],
    ) -> tuple[dict[str, float], int]:
        """Returns figures of `halves`, remembered likewise, and how many items each has.

        `what`: says which figures, and all of their settings.
        """
        names = {"floor": what, "seed": self.seed}
        rows = np.concatenate(self.rows_of_halves)  # the seed says which is in which half

        def compute() -> kept.Arrays:
            return {name: np.array([value]) for name, value in figures(*self.halves).items()}

        found = self.of_real(names, rows, compute)
        return {name: float(value[0]) for name, value in found.items()}, len(rows) // 2


def pixels(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1] as uint8; bytes, and points (n, D), as they are."""
    return to_uint8(images) if images.ndim == 4 and images.dtype != np.uint8 else images


def read(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Gathers the columns of a source, of two domains of the first, READ at a time."""
    rows = np.sort(rows)  # files are read in order
    parts = [source.gather(rows[i : i + READ]) for i in range(0, len(rows), READ)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
