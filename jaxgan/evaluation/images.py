"""Images that are evaluated without a run: any set against another one."""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np

from jaxgan.core.game import Spec
from jaxgan.data.source import Source
from jaxgan.evaluation import named_data
from jaxgan.evaluation.compared import N, pixels, read
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import spec_of


@dataclasses.dataclass(frozen=True)
class Images(Subject):
    """A set of images in the place of a run's samples, and the real ones they are compared with.

    images: a folder, .zip, .npz or .npy, or the name of data, see named_data.named.
    reference: likewise, the real ones.
    res: pixels a side that both are brought to; 0 for their own.
    channels: that both are brought to by readers that can; 0 for their own.
    """

    workdir: Path = Path()
    images: str = ""
    res: int = 0
    channels: int = 0

    def views(self) -> list[Subject]:
        """Returns itself.

        Raises:
          UserError: one of the sets cannot be read, or they differ in size.
        """
        given, real = self.given, self.opened
        if given.shape != real.shape:
            sizes = ["x".join(map(str, each.shape)) for each in (given, real)]
            flag = "--res" if given.shape[:2] != real.shape[:2] else "--channels"
            number = real.shape[0] if flag == "--res" else min(given.shape[-1], real.shape[-1])
            raise UserError(
                f"--images={self.images}: images of {sizes[0]}, and of {sizes[1]} in "
                f"--real={self.reference}; pass {flag}={number}, say, to bring both to one size"
            )
        return [self]

    @cached_property
    def given(self) -> Source:
        """The set that is evaluated."""
        return self._open(self.images, "--images")

    @cached_property
    def opened(self) -> Source:
        """The real images."""
        return self._open(self.reference, "--real")

    def _open(self, text: str, flag: str) -> Source:
        source = named_data.opened(text, flag, self.res, self.channels)
        if source.second:
            raise UserError(f"{flag}={text}: two domains; give the images of one of them")
        if len(source.shape) != 3:
            raise UserError(f"{flag}={text}: {source.describe()}; give images")
        return source

    @property
    def spec(self) -> Spec:
        """The shape of both sets."""
        return spec_of(self.opened)

    @cached_property
    def source(self) -> Source:
        """The real images that are compared.

        Raises:
          UserError: either set has fewer than n.
        """
        if self.n and self.n > self.given.size:
            raise UserError(f"--n={self.n}: --images has {self.given.size}; give at most that")
        return super().source

    @cached_property
    def size(self) -> int:
        """How many of each set a metric compares."""
        return self.n or min(N, self.source.size, self.given.size)

    @property
    def target(self) -> str:
        """The column of the data that is compared."""
        return "image"

    @cached_property
    def fakes(self) -> np.ndarray:
        """The images that are evaluated: uint8 (n, H, W, C), drawn as the real ones are."""
        rows = np.random.default_rng(self.seed).choice(self.given.size, self.size, replace=False)
        return pixels(read(self.given, rows)["image"])

    @property
    def label(self) -> dict[str, object]:
        """What is evaluated, for its rows."""
        return {"images": self.images}

    @property
    def report(self) -> None:
        """There is no workdir to write rows to."""

    @property
    def data(self) -> str:
        """The name of the real images."""
        return self.reference

    @property
    def drawn_by(self) -> str:
        """What stands in protocols for the generator."""
        return "none, images"

    @property
    def truncation(self) -> str:
        """'none': images are compared as they are."""
        return "none"

    @property
    def moments(self) -> str:
        """'': no generator is known."""
        return ""

    def check_run(self, metric: str, why: str) -> NoReturn:
        """Refuses a metric of runs.

        Raises:
          UserError: says so.
        """
        raise UserError(f"--metrics={metric}: {why}; --images are of no run; pass --workdir")

    def check_translates(self, metric: str, *, back: bool) -> None:
        """Refuses a metric of translations."""
        del back
        self.check_run(metric, "is of translations")

    @property
    def record(self) -> NoReturn:
        """There is none.

        Raises:
          UserError: says so.
        """
        raise UserError("--metrics: some of them need a run, and --images is none; pass --workdir")

    @property
    def restored(self) -> NoReturn:
        """There is none, as of `record`."""
        return self.record
