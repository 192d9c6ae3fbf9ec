"""Reads other programs' weights without running anything that is in their files.

Three kinds are known, whatever their names end in: PyTorch's zips (.pt, .pth) and its older
streams of pickles, StyleGAN2-ADA's network pickles (.pkl), and NumPy's .npz. A pickle is a
program: it may call whatever it names. Here it may name what is listed in `_globals` and nothing
else, and each of those names stands for a harmless function of this file; the Python source that
a network pickle carries is never looked at.
"""

import collections
import io
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgan.runtime.errors import UserError

_MAGIC = 0x1950A86A20F9469CFC6C  # what torch.save's older streams begin with
_DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": jnp.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


class Weights(NamedTuple):
    """What a file holds.

    arrays: by name. Nested dicts join their keys by '/', modules within a network by '.', so that
      a network pickle gives 'G_ema/synthesis.b4.const' and a plain state dict its own names.
    kwargs: by network, the arguments it was constructed with, where the file knows them.
    """

    arrays: dict[str, np.ndarray]
    kwargs: dict[str, dict[str, Any]]


def read(path: Path) -> Weights:
    """All arrays of a .pkl, .pt, .pth or .npz file, the kind told by its content.

    Raises:
      UserError: no such file, damaged, of another kind, without arrays, or a pickle that asks for
        what no weights need; nothing that it asked for has been run.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    try:
        arrays, kwargs = {}, {}
        _collect(_parse(data), "", arrays, kwargs)
        arrays = {name: np.asarray(value, order="C") for name, value in arrays.items()}
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # Whatever a parser meets in bytes that anyone may have made.
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: damaged or cut short ({said}); fetch it again") from None
    if not arrays:
        raise UserError(f"{path}: holds no arrays; give a file with a network's weights")
    return Weights(arrays, kwargs)


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as .npz under their names; the file appears whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(part, path)


def _parse(data: bytes) -> Any:
    """The arrays in a file's bytes, in dicts as they lie."""
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_zip(archive)
    if data[:1] != b"\x80":
        raise UserError("neither a pickle nor a zip; give a .pkl, .pt, .pth or .npz file")
    return _read_pickles(data)


def _read_zip(archive: zipfile.ZipFile) -> Any:
    names = archive.namelist()
    pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
    if not pickles:
        if not names or not all(name.endswith(".npy") for name in names):
            raise UserError("a zip, but neither PyTorch's nor NumPy's; give .pt, .pth or .npz")
        return {
            name.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(archive.read(name)), allow_pickle=False
            )
            for name in names
        }
    folder = pickles[0].removesuffix("data.pkl")
    storages: dict[str, np.ndarray] = {}

    def storage(kind: str, key: str, count: int) -> np.ndarray:
        if key not in storages:
            storages[key] = _from_bytes(archive.read(f"{folder}data/{key}"), kind, count)
        return storages[key]

    if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
        raise UserError("written on a big-endian machine; save it again on a common one")
    return _Reader(io.BytesIO(archive.read(pickles[0])), storage).load()


def _read_pickles(data: bytes) -> Any:
    """A plain pickle, or torch.save's older stream: four pickles, then each storage's bytes."""
    file = io.BytesIO(data)
    storages: dict[str, np.ndarray] = {}

    def storage(kind: str, key: str, count: int) -> np.ndarray:
        if key not in storages:
            size = np.dtype(_DTYPES[kind]).itemsize * count
            if not 0 <= size <= len(data):
                raise ValueError(f"a storage of {size} bytes in a file of {len(data)}")
            storages[key] = np.zeros(count, _DTYPES[kind])  # filled below
        return storages[key]

    found = _Reader(file, storage).load()
    if not (isinstance(found, int) and found == _MAGIC):
        return found
    for _ in ("protocol", "system"):
        _Reader(file, storage).load()
    found = _Reader(file, storage).load()
    for key in _Reader(file, storage).load():
        values = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != len(values):
            raise ValueError(f"storage {key} has {count} elements, {len(values)} were announced")
        values[:] = np.frombuffer(file.read(values.nbytes), values.dtype)
    return found


class _Reader(pickle.Unpickler):
    """An unpickler that knows the names in `_globals`, and no others."""

    def __init__(self, file: io.BytesIO, storage: Callable[[str, str, int], np.ndarray]):
        super().__init__(file)
        self._globals = _globals()
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """What a global name stands for.

        Raises:
          UserError: it is not among those that weights need.
        """
        full = f"{module}.{name}"
        if full not in self._globals:
            raise UserError(
                f"refused: the pickle asks for {full!r}, which no known weights need and which "
                "might do anything; nothing was run. Save the state dict alone, or as .npz"
            )
        return self._globals[full]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """A storage, from ('storage', type, key, device, count) and, in old files, a view of it."""
        tag, kind, key, _, count, *view = pid
        if tag != "storage" or (view and view[0] is not None):
            raise ValueError(f"unknown persistent object {tag!r}")
        return self._storage(kind, key, count)


def _globals() -> dict[str, Any]:
    """What a pickle may name: this file's functions, containers, and storage types as strings.

    Made anew for each pickle, which may set attributes of whatever it gets hold of.
    """

    def tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_: Any) -> np.ndarray:
        """A view of a storage, once sure that it stays within it."""
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if not isinstance(storage, np.ndarray) or min(offset, *size, *stride, 0) < 0:
            raise ValueError("a tensor without a storage, or of negative size")
        if 0 not in size and max(last + 1, math.prod(size)) > len(storage):
            raise ValueError(f"a tensor {size} exceeds its storage of {len(storage)} elements")
        strides = [step * storage.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(storage[offset:], size, strides)

    def parameter(data: np.ndarray, *_: Any) -> np.ndarray:
        return data

    def load_from_bytes(data: bytes) -> Any:
        return _parse(bytes(data))

    def network(meta: Mapping[str, Any]) -> Any:
        """A StyleGAN2-ADA object's state; its class, whose source is in `meta`, is not made."""
        return meta["state"]

    class Dtype:
        def __init__(self, name: str, *_: Any):
            self.dtype = np.dtype(name)
            if self.dtype.hasobject:
                raise ValueError("an array of objects")

        def __setstate__(self, state: tuple) -> None:
            self.dtype = self.dtype.newbyteorder(state[1])

    def dtype(*args: Any) -> Dtype:
        return Dtype(*args)

    def scalar(kind: Dtype, data: bytes) -> Any:
        return np.frombuffer(data, kind.dtype, 1)[0].item()

    ordered = collections.OrderedDict
    return {
        "collections.OrderedDict": ordered,
        "dnnlib.util.EasyDict": ordered,
        "builtins.set": set,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": parameter,
        "torch.storage._load_from_bytes": load_from_bytes,
        "torch_utils.persistence._reconstruct_persistent_obj": network,
        "numpy.dtype": dtype,
        "numpy.core.multiarray.scalar": scalar,
        "numpy._core.multiarray.scalar": scalar,
        **{f"torch.{name}": name for name in _DTYPES},
    }


def _from_bytes(data: bytes, kind: str, count: int) -> np.ndarray:
    values = np.frombuffer(data, _DTYPES[kind])
    if len(values) != count:
        raise ValueError(f"a storage has {len(values)} elements, {count} were announced")
    return values


def _collect(found: Any, name: str, arrays: dict, kwargs: dict) -> None:
    """Gathers the arrays of nested dicts and networks under their names."""
    if isinstance(found, np.ndarray):
        arrays[name] = found
    elif _is_module(found):
        arrays.update(_module(found, f"{name}/" if name else ""))
        kwargs[name] = _plain(found.get("_init_kwargs", {}))
    elif isinstance(found, Mapping):
        for key, value in found.items():
            _collect(value, f"{name}/{key}" if name else str(key), arrays, kwargs)


def _module(state: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for group in ("_parameters", "_buffers"):
        for name, value in state[group].items():
            if isinstance(value, np.ndarray):
                yield f"{prefix}{name}", value
    for name, child in state["_modules"].items():
        if _is_module(child):
            yield from _module(child, f"{prefix}{name}.")


def _is_module(found: Any) -> bool:
    groups = ("_parameters", "_buffers", "_modules")
    return isinstance(found, Mapping) and all(isinstance(found.get(g), Mapping) for g in groups)


def _plain(value: Any) -> Any:
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, Mapping) else value
