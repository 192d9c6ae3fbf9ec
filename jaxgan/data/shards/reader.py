"""Reads items of shards at random.

ArrayRecord's own readers, one for each shard: they keep where each record begins (a few bytes an
item) and read the records that are asked for, none ahead. Grain's ArrayRecordDataSource on top of
them starts threads at each batch, which for small pictures take longer than the reading itself.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from jaxgan.data.shards.layout import Form, shard
from jaxgan.runtime import errors
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

_LARGE = 2**17  # bytes of a record from which on reading in threads takes less time on two cores
_OPTIONS = {"options": "readahead_buffer_size:0", "file_reader_buffer_size": 2**15}


def module() -> ModuleType:
    """Returns ArrayRecord's reader and writer.

    Raises:
      UserError: it is not installed.
    """
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        raise UserError(
            f"config.data: records need array_record ({reason(error)}); pip install array_record, "
            "which Linux and macOS have, or use folder:"
        ) from error
    return array_record_module


class Damaged(UserError):
    """A shard that cannot be read as it was written; `path` names it."""

    def __init__(self, path: Path, what: str):
        """`what`: is wrong with it."""
        super().__init__(
            f"config.data: {path} is damaged ({what}); copy it again, or prepare it again"
        )
        self.path = path


class Shards:
    """The items of a folder's shards, in order, by their index. Safe to call from threads."""

    def __init__(self, folder: Path, form: Form, counts: tuple[int, ...]):
        """Opens the shards: reads where records begin, and no record.

        Args:
          folder: that has them. form: of a record. counts: items in each.

        Raises:
          Damaged: a shard that cannot be read, or has another number of items.
        """
        self._form, self._folder = form, folder
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._paths = [folder / shard(i, len(counts)) for i in range(len(counts))]
        self._readers = [
            _opened(path, count) if count else None
            for path, count in zip(self._paths, counts, strict=True)
        ]
        large = form.size >= _LARGE
        self._pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1)) if large else None

    def __len__(self) -> int:
        """Counts the items."""
        return int(self._starts[-1])

    def gather(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Reads items, int64 (n,) in [0, len); see Source.gather.

        Raises:
          Damaged: a record that is not as it was written.
        """
        rows = np.empty((len(indices), self._form.size), np.uint8)
        owners = np.searchsorted(self._starts, indices, side="right") - 1

        def read(owner: int) -> None:
            places = np.flatnonzero(owners == owner)
            self._read(owner, indices[places] - self._starts[owner], places, rows)

        apply: Callable[..., Any] = self._pool.map if self._pool else map
        for _ in apply(read, np.unique(owners).tolist()):
            pass
        return self._form.unpack(rows)

    def _read(self, owner: int, wanted: np.ndarray, places: np.ndarray, rows: np.ndarray) -> None:
        """Reads records of one shard, numbers `wanted`, into `places` of rows (n, size)."""
        try:
            records = self._readers[owner].read(wanted.tolist())
        except (RuntimeError, IndexError, ValueError) as error:  # Riegeli's checksums
            if errors.limit(error):
                raise
            raise Damaged(self._paths[owner], reason(error)) from error
        for place, record in zip(places.tolist(), records, strict=True):
            if len(record) != self._form.size:
                what = f"a record of {len(record)} bytes in place of {self._form.size}"
                raise Damaged(self._paths[owner], what)
            rows[place] = np.frombuffer(record, np.uint8)


class Column:
    """One column of shards as source.digest reads it: a piece at a time, in order."""

    def __init__(self, shards: Shards, name: str):
        """`name`: as Source.gather has it."""
        self._shards, self._name = shards, name
        first = shards.gather(np.arange(1))[name]
        self.dtype, self.shape = first.dtype, (len(shards), *first.shape[1:])
        self.nbytes = first.nbytes * len(shards)

    def __len__(self) -> int:
        """Counts the items."""
        return len(self._shards)

    def __getitem__(self, piece: slice) -> np.ndarray:
        """Reads some of the items."""
        return self._shards.gather(np.arange(*piece.indices(len(self))))[self._name]


def _opened(path: Path, count: int) -> Any:
    """Opens a shard of `count` items.

    Raises:
      Damaged: it has others, or cannot be read.
    """
    made = module().ArrayRecordReader
    try:
        reader = made(os.fspath(path), **_OPTIONS)
        whole, found = reader.ok(), reader.num_records()
    except (RuntimeError, ValueError) as error:
        if errors.limit(error):
            raise
        raise Damaged(path, reason(error)) from error
    if not whole or found != count:
        what = f"{found} items in place of {count}" if whole else "it has no whole index"
        raise Damaged(path, what)
    return reader
