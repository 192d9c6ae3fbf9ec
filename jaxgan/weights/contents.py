"""Reads the arrays in files of other programs, and executes nothing that is in them.

Three kinds are recognized by content, whatever the file's suffix: PyTorch's zips (.pt, .pth) and
its older streams of pickles, StyleGAN2-ADA's network pickles (.pkl), and NumPy's .npz. What reading
one may cost is in bounds.py.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.weights import bounds, inert, kinds, npy, tensors
from jaxgan.weights.archive import Archive
from jaxgan.weights.bounds import Budget, Damaged, Excess
from jaxgan.weights.machine import Machine
from jaxgan.weights.tensors import Storage
from jaxgan.weights.walk import Weights, add, collect

MAGIC = 0x1950A86A20F9469CFC6C  # the first value of torch.save's older streams


class File(NamedTuple):
    """A file that was read, and where it is."""

    path: Path
    weights: Weights


def read(path: Path) -> Weights:
    """Reads all arrays of a .pkl, .pt, .pth or .npz file, whose kind its content determines.

    None of the arrays can be written.

    Raises:
      UserError: a file that is missing, damaged, of another kind or without arrays, that takes
        more than its bounds, or a pickle that names a global which no weights need.
    """
    at = shown(path)
    try:
        found = parse(_bytes(path))
    except (UserError, Excess) as error:
        said = f"refused: {error}" if isinstance(error, Excess) else error
        raise UserError(f"{at}: {said}") from None
    except Damaged as error:
        raise UserError(f"{at}: damaged or truncated ({error}); download it again") from None
    except MemoryError:
        raise UserError(f"{at}: does not fit in memory; use a machine with more") from None
    if not found.arrays:
        raise UserError(f"{at}: holds no arrays; give a file with a network's weights")
    return found


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as .npz under their names; the file appears complete or not at all."""
    with files.replacing(path) as file:
        np.savez(file, **arrays)


def parse(data: bytes) -> Weights:
    """Returns the arrays in a file's bytes.

    Raises:
      UserError, Damaged, Excess: what `read` refuses.
    """
    return _File(data).weights()


def _bytes(path: Path) -> bytes:
    """Returns the bytes of a regular file; opening another kind could block."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise UserError(f"cannot be read (Is a directory): {kinds.of_folder(path)}")
        if not stat.S_ISREG(status.st_mode):
            raise UserError("is no regular file; give a file of weights")
        if status.st_size > bounds.FILE:
            raise Excess(f"it has {status.st_size / 1e9:.0f} GB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, Excess):
            raise
        said = getattr(error, "strerror", None) or error
        raise UserError(f"cannot be read ({said}); check the path") from None


class _File:
    """A file that is being read: its bytes, its budget, and how deep pickles are nested."""

    def __init__(self, data: bytes):
        self._whole, self._data = data, memoryview(data)
        self._budget = Budget(len(data))
        self._names = inert.names(self._budget, self._nested)
        self._depth = 0

    def weights(self) -> Weights:
        """Returns the arrays by name."""
        if self._data[:2] == b"PK":
            return self._zip(Archive(self._data, self._budget))
        if self._data[:1] != b"\x80":
            said = kinds.of_bytes(self._whole) or "give a .pkl, .pt, .pth or .npz file"
            raise UserError(f"neither a pickle nor a zip: {said}")
        return collect(self._pickles(self._data), self._budget)

    def _zip(self, archive: Archive) -> Weights:
        names = list(archive.members)
        if said := kinds.of_zip(names):
            raise UserError(said)
        pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if len(pickles) > 1:
            raise Damaged("a zip with several files data.pkl")
        if pickles:
            return collect(self._torch(archive, pickles[0]), self._budget)
        if not names or not all(name.endswith(".npy") for name in names):
            raise UserError(
                "a zip, but neither PyTorch's nor NumPy's; give a .pt, .pth or .npz file"
            )
        found = Weights({}, {})
        for name in names:
            array = npy.read(archive.read(name))
            if array is not None:
                add(found.arrays, name.removesuffix(".npy"), tensors.plain(array, self._budget))
        return found

    def _torch(self, archive: Archive, name: str) -> Any:
        """Returns what the pickle of a zip of PyTorch builds; its storages are members."""
        folder = name.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.members and archive.read(order) != b"little":
            raise UserError("written on a big-endian machine; save it again on a little-endian one")
        storages: dict[str, Storage] = {}

        def storage(pid: Any) -> Storage:
            key, made = self._storage(pid)
            if key not in storages:
                made.fill(archive.read(f"{folder}data/{key}"))
                storages[key] = made
            return _same(storages[key], made)

        return self._machine(memoryview(archive.read(name)), 0, storage).run()

    def _pickles(self, data: memoryview) -> Any:
        """Reads a plain pickle, or torch.save's older stream: pickles, then storages' bytes."""
        storages: dict[str, Storage] = {}

        def storage(pid: Any) -> Storage:
            key, made = self._storage(pid)
            if made.nbytes > len(data):
                raise Damaged(f"a storage of {made.nbytes} bytes in a file of {len(data)}")
            return _same(storages.setdefault(key, made), made)

        first = self._machine(data, 0, storage)
        root = first.run()
        if type(root) is not int or root != MAGIC:
            return root
        cursor = first.cursor
        for part in ("protocol", "system", "contents", "keys"):
            machine = self._machine(data, cursor.at, storage)
            value, cursor = machine.run(), machine.cursor
            root = value if part == "contents" else root
        for key in value if type(value) is list else ():
            if type(key) is not str or key not in storages:
                raise Damaged("a stream with a storage that nothing needs")
            count, made = cursor.number("<q"), storages[key]
            if count != made.count:
                raise Damaged(f"a storage has {count} elements, {made.count} were declared")
            made.fill(cursor.take(made.nbytes))
        return root

    def _nested(self, data: Any) -> Any:
        """Reads the pickle within a pickle, as torch.storage._load_from_bytes does."""
        if type(data) not in (bytes, memoryview) or data[:1] != b"\x80":
            raise Damaged("a storage that is no pickle")
        if self._depth >= bounds.NESTED:
            raise Excess("it has pickles in pickles in pickles")
        self._depth += 1
        root = self._pickles(memoryview(data))
        self._depth -= 1
        return root

    def _machine(self, data: memoryview, at: int, storage: Any) -> Machine:
        return Machine(data, at, self._budget, self._names, storage)

    def _storage(self, pid: Any) -> tuple[str, Storage]:
        """Returns the key and a new storage of a persistent id.

        That is ('storage', type, key, device, count), in old files with a view, which is None.
        """
        if type(pid) is not tuple or len(pid) not in (5, 6) or any(pid[5:]):
            raise Damaged("a persistent object that is no storage")
        tag, kind, key, _, count, *_ = pid
        name = kind.full.removeprefix("torch.") if type(kind) is inert.Name else ""
        if tag != "storage" or name not in tensors.DTYPES or type(key) is not str:
            raise Damaged("a persistent object that is no storage")
        self._budget.take(256)
        return key, Storage(name, count)


def _same(known: Storage, made: Storage) -> Storage:
    """Returns the storage that is known by a key; it must be what is declared once more."""
    if (known.dtype, known.count) != (made.dtype, made.count):
        raise Damaged("a storage that is declared twice, not alike")
    return known
