"""Batches as a pure function of the step, and the thread that prefetches them."""

import collections
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from jaxgan.core.growth import Growth, fixed
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError

T = TypeVar("T")
Rows = Callable[[int], np.ndarray]  # items in the global batch -> which rows a process has


class Batches:
    """Batches of a source: batch = data(step), a pure function of the step.

    The global batch at a step is the next `batch` items of an endless stream, which visits every
    item of the source once per epoch, each epoch in a new order. A process gets its rows of it, so
    the global batch does not depend on how many there are. A resumed run needs nothing but the
    step, even where the batch size changes during the run.
    """

    def __init__(
        self,
        source: Source,
        *,
        batch: int | Growth,
        seed: int,
        flip: bool = False,
        rows: Rows | None = None,
    ):
        """Prepares the stream; reads no item.

        Args:
          source: the items; it may be smaller than a batch.
          batch: items in the global batch, or the stages of a growing run.
          seed: at least 0; it determines the order, the crops and the flips.
          flip: whether to mirror each image left to right with probability 1/2.
          rows: those of the global batch that this process has, as mesh.rows says; None for all.

        Raises:
          UserError: a batch of nothing, a negative seed, or a flip of items that are not (H, W, C).
        """
        import grain

        self._growth = batch if isinstance(batch, Growth) else fixed(0, batch)
        for n in self._growth.batches():
            if n < 1:
                raise UserError(f"config.batch={n}: at least 1")
        if seed < 0:
            raise UserError(f"config.seed={seed}: give 0 or more")
        shapes = [source.shape, source.second.shape] if source.second else [source.shape]
        if flip and any(len(shape) != 3 for shape in shapes):
            raise UserError(
                f"config.data: items of shape {source.shape} cannot be mirrored; set flip=False"
            )
        self.source, self._seed, self._flip = source, seed, flip
        self._rows = rows
        self._alike = source.aligned  # pairs are cropped and mirrored by the first domain's draws
        # Only indices pass through grain: gathering a batch at once is far faster than stacking
        # its elements.
        order = grain.MapDataset.range(source.size).seed(seed).shuffle().repeat()
        # Batch sizes may change with the stage; every batch starts at a multiple of this size and
        # consists of chunks of it.
        self._chunk = math.gcd(*self._growth.batches())
        self._chunks = order.batch(self._chunk)

    def whole(self, step: int) -> dict[str, np.ndarray]:
        """Returns all rows of the batch at `step`, whichever of them this process has."""
        every = copy.copy(self)
        every._rows = None
        return every(step)

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        """Returns this process's rows of the batch at `step`."""
        chunks = range(*(self._growth.seen(t) // self._chunk for t in (step, step + 1)))
        indices = self._own(np.concatenate([self._chunks[i] for i in chunks]))
        batch = self._gather(self.source, indices, step, 3)
        if second := self.source.second:
            if not self._alike:
                indices = self._draw(step, 1, second.size)
            stream = 3 if self._alike else 4
            batch["other"] = self._gather(second, indices % second.size, step, stream)["image"]
        if self._flip:
            for stream, name in ((0, "image"), (0 if self._alike else 2, "other")):
                if name in batch:
                    batch[name] = _mirror(batch[name], self._draw(step, stream, 2) == 0)
        return batch

    def _gather(
        self, source: Source, indices: np.ndarray, step: int, stream: int
    ) -> dict[str, np.ndarray]:
        """Gathers items of one domain, cropped at random where they are crops."""
        if source.crop is None:
            return source.gather(indices)
        return source.crop(indices, self._fractions(step, stream, (2,)))

    def abstract(self, step: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Returns the shape and dtype of each column of the batch at `step`; reads no item."""
        return self.source.abstract(len(self._own(np.arange(self._growth.stage(step).batch))))

    def nbytes(self, step: int) -> int:
        """Returns the size in bytes of the batch at `step`; reads no item."""
        columns = self.abstract(step).values()
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in columns)

    def _draw(self, step: int, stream: int, n: int) -> np.ndarray:
        """Draws an integer below n for each of this process's rows, int64."""
        return np.floor(self._fractions(step, stream) * n).astype(np.int64)

    def _fractions(self, step: int, stream: int, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Draws numbers in [0, 1) for the global batch; returns those of this process's rows.

        Flips of the first domain are stream 0, of the second 2; its items are stream 1; crops of
        the first are stream 3, of the second 4.
        """
        # Steps are 2**192 draws apart in Philox's counter, streams 2**128: no two share a number.
        bits = np.random.Philox(key=self._seed, counter=[0, 0, stream, step])
        batch = self._growth.stage(step).batch
        return self._own(np.random.Generator(bits).random((batch, *shape)))

    def _own(self, batch: np.ndarray) -> np.ndarray:
        """Returns this process's rows of a global batch (N, ...)."""
        return batch if self._rows is None else batch[self._rows(len(batch))]


def _mirror(images: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Returns a copy of images (N, H, W, C) with those in `which`, bool (N,), mirrored."""
    out = np.array(images, order="C")
    # Moving each pixel as one element of C values takes a sixth of the time.
    pixels = out.view(f"V{out.itemsize * out.shape[-1]}")
    pixels[which] = pixels[which][:, :, ::-1]
    return out


def prefetch(make: Callable[[int], T], steps: Sequence[int], depth: int = 2) -> Iterator[T]:
    """Yields make(step) for each step, computing up to `depth` of them ahead.

    The calls run in order in one background thread. An exception of a call is raised here when
    its step is due. Closing the generator ends the thread.

    Raises:
      ValueError: a depth below 1.
    """
    if depth < 1:
        raise ValueError(f"prefetch: depth={depth}, needs at least 1")
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
    try:
        pending = collections.deque(pool.submit(make, step) for step in steps[:depth])
        for i in range(len(steps)):
            ready = pending.popleft().result()
            if i + depth < len(steps):
                pending.append(pool.submit(make, steps[i + depth]))
            yield ready
    finally:
        pool.shutdown(cancel_futures=True)
