"""Batches as a pure function of the step, and the thread that fetches them ahead."""

import collections
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from jaxgan.core.growth import Growth, fixed
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError

T = TypeVar("T")


class Batches:
    """batch = data(step): a pure function of (source, batch, seed, step, process).

    The global batch at a step is the next `batch` items of an endless stream, which passes over
    the whole source once per epoch in an order of its own. Process p of n gets positions
    p, p + n, p + 2n, ... of it, so the global batch does not depend on n. A resumed run needs
    the step and nothing else, also where the batch grows or shrinks with it.
    """

    def __init__(
        self,
        source: Source,
        *,
        batch: int | Growth,
        seed: int,
        flip: bool = False,
        process: int = 0,
        processes: int = 1,
    ):
        """Prepares the stream; reads no item.

        Args:
            source: the items; it may be smaller than a batch.
            batch: items in the global batch; of a growing run, its stages.
            seed: at least 0; it settles the order and the flips.
            flip: mirror each image left to right with probability 1/2.
            process: index of this process.
            processes: their number, a divisor of each batch.

        Raises:
            UserError: a batch that the processes cannot share, a negative seed, or a flip of
                items that are not (H, W, C).
        """
        import grain

        self._growth = batch if isinstance(batch, Growth) else fixed(0, batch)
        for n in self._growth.batches():
            if n < 1 or n % processes:
                raise UserError(
                    f"data: {processes} processes cannot share a batch of {n}; "
                    f"give a positive multiple of {processes}"
                )
        if seed < 0:
            raise UserError(f"data: seed={seed}; give 0 or more")
        if flip and len(source.shape) != 3:
            raise UserError(f"data: items of shape {source.shape} have no left; set flip=False")
        self._source, self._seed, self._flip = source, seed, flip
        self._processes = processes
        self._share = slice(process, None, processes)
        # Only indices pass through grain: gathering a batch at once is far faster than stacking
        # its elements. The share is taken after repeat, lest each process repeat its own part.
        order = grain.MapDataset.range(source.size).seed(seed).shuffle().repeat()
        if processes > 1:  # a slice of everything would cost 0.4 ms per 64 items
            order = order[self._share]
        # Any step's batch is whole parts of this size, which begins where one does.
        self._part = math.gcd(*self._growth.batches())
        self._parts = order.batch(self._part // processes)

    def __call__(self, step: int) -> dict[str, np.ndarray]:
        """Returns this process's share of the batch at `step`: batch // processes items."""
        parts = range(*(self._growth.seen(t) // self._part for t in (step, step + 1)))
        batch = self._source.gather(np.concatenate([self._parts[i] for i in parts]))
        if self._flip:
            batch["image"] = _mirror(batch["image"], self._mirrored(step))
        return batch

    def abstract(self, step: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Returns the shape and dtype of each column of the batch at `step`; reads no item."""
        return self._source.abstract(self._growth.stage(step).batch // self._processes)

    def nbytes(self, step: int) -> int:
        """Returns the size in bytes of the batch at `step`; reads no item."""
        columns = self.abstract(step).values()
        return sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in columns)

    def _mirrored(self, step: int) -> np.ndarray:
        """Draws the whole global batch's coins, bool, and returns this process's."""
        # Steps lie 2**192 draws apart in Philox's counter, so they never share one.
        bits = np.random.Philox(key=self._seed, counter=[0, 0, 0, step])
        coins = np.random.Generator(bits).random(self._growth.stage(step).batch) < 0.5
        return coins[self._share]


def _mirror(images: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Returns a copy of images (N, H, W, C), those of bool (N,) `which` turned left to right."""
    out = np.array(images, order="C")
    # Pixels that move as one element of C values take a sixth of the time.
    pixels = out.view(f"V{out.itemsize * out.shape[-1]}")
    pixels[which] = pixels[which][:, :, ::-1]
    return out


def prefetch(make: Callable[[int], T], steps: Sequence[int], depth: int = 2) -> Iterator[T]:
    """Yields make(step) for each of the steps, up to `depth` of them made ahead.

    The calls run in one background thread, in order. What they raise is raised here, in the turn
    of the step that failed. Closing the generator ends the thread.
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
