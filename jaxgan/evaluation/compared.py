"""Two sets that metrics compare, real items and others, and how the real ones are drawn."""

from functools import cached_property

import numpy as np

from jaxgan.core.game import Spec
from jaxgan.data.source import Source
from jaxgan.evaluation.features import network
from jaxgan.runtime.errors import UserError
from jaxgan.visual.grid import to_uint8

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
        count = self._counts["image" if self.goal is self.source else "other"]
        draw, first = np.random.default_rng(self.seed), self._rows(self.size)[self.target]
        if 2 * self.size > count:
            first, second = np.split(draw.permutation(count)[: count // 2 * 2], 2)
        else:
            rest = np.setdiff1d(np.arange(count), first)
            second = draw.choice(rest, self.size, replace=False)
        return tuple(pixels(read(self.goal, rows)["image"]) for rows in (first, second))

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


def pixels(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1] as uint8; bytes, and points (n, D), as they are."""
    return to_uint8(images) if images.ndim == 4 and images.dtype != np.uint8 else images


def read(source: Source, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Gathers the columns of a source, of two domains of the first, READ at a time."""
    rows = np.sort(rows)  # files are read in order
    parts = [source.gather(rows[i : i + READ]) for i in range(0, len(rows), READ)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
