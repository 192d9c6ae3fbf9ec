"""Reads weights of other programs without running any code in their files.

Three kinds are recognized by content, whatever the file's suffix: PyTorch's zips (.pt, .pth) and
its older streams of pickles, StyleGAN2-ADA's network pickles (.pkl), and NumPy's .npz. A pickle is
a program: it may call whatever it names. Here it may name only what is listed in `_globals`, and
each of those names is bound to a harmless function of this file; the Python source in a network
pickle is never read.
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
from jaxgan.weights import inert, kinds

_MAGIC = 0x1950A86A20F9469CFC6C  # the first value of torch.save's older streams
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
    """The contents of a file of weights.

    arrays: by name. The keys of nested dicts are joined by '/', modules within a network by '.':
      'G_ema/synthesis.b4.const' in a network pickle; the names of a plain state dict are kept.
    kwargs: by network, the arguments it was constructed with, if the file records them.
    """

    arrays: dict[str, np.ndarray]
    kwargs: dict[str, dict[str, Any]]


def read(path: Path) -> Weights:
    """Reads all arrays of a .pkl, .pt, .pth or .npz file, whose kind its content determines.

    Raises:
      UserError: a file that is missing, damaged, of another kind or without arrays, or a pickle
        that names a global which no weights need; none of its calls has been made.
    """
    if path.is_dir():
        raise UserError(f"{path}: cannot be read (Is a directory): {kinds.of_folder(path)}")
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
    except Exception as error:  # Bytes from anyone may make a parser raise anything.
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: damaged or truncated ({message}); download it again") from None
    if not arrays:
        raise UserError(f"{path}: holds no arrays; give a file with a network's weights")
    return Weights(arrays, kwargs)


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as .npz under their names; the file appears complete or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    os.replace(part, path)


def _parse(data: bytes) -> Any:
    """Returns the arrays in a file's bytes, in dicts nested as in the file."""
    if data[:2] == b"PK":
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile:
            raise UserError(
                "a zip without its end: damaged or truncated; download it again"
            ) from None
        with archive:
            return _read_zip(archive)
    if data[:1] != b"\x80":
        said = kinds.of_bytes(data) or "give a .pkl, .pt, .pth or .npz file"
        raise UserError(f"neither a pickle nor a zip: {said}")
    return _read_pickles(data)


def _read_zip(archive: zipfile.ZipFile) -> Any:
    names = archive.namelist()
    if said := kinds.of_zip(names):
        raise UserError(said)
    pickles = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
    if not pickles:
        if not names or not all(name.endswith(".npy") for name in names):
            raise UserError(
                "a zip, but neither PyTorch's nor NumPy's; give a .pt, .pth or .npz file"
            )
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
        raise UserError("written on a big-endian machine; save it again on a little-endian one")
    return _Reader(io.BytesIO(archive.read(pickles[0])), storage).load()


def _read_pickles(data: bytes) -> Any:
    """Reads a plain pickle, or torch.save's older stream: four pickles, then storages' bytes."""
    file = io.BytesIO(data)
    storages: dict[str, np.ndarray] = {}

    def storage(kind: str, key: str, count: int) -> np.ndarray:
        if key not in storages:
            size = np.dtype(_DTYPES[kind]).itemsize * count
            if not 0 <= size <= len(data):
                raise ValueError(f"a storage of {size} bytes in a file of {len(data)}")
            storages[key] = np.zeros(count, _DTYPES[kind])  # filled below
        return storages[key]

    first = _Reader(file, storage).load()
    if not (isinstance(first, int) and first == _MAGIC):
        return first
    for _ in ("protocol", "system"):
        _Reader(file, storage).load()
    contents = _Reader(file, storage).load()
    for key in _Reader(file, storage).load():
        values = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        if count != len(values):
            raise ValueError(f"storage {key} has {count} elements, {len(values)} were declared")
        values[:] = np.frombuffer(file.read(values.nbytes), values.dtype)
    return contents


class _Reader(pickle.Unpickler):
    """An unpickler that resolves the names in `_globals` and no others."""

    def __init__(self, file: io.BytesIO, storage: Callable[[str, str, int], np.ndarray]):
        super().__init__(file)
        self._globals = _globals()
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Returns the harmless function or type that a global name is bound to.

        Raises:
          UserError: it is not among those that weights and training checkpoints need.
        """
        full = f"{module}.{name}"
        if full not in self._globals:
            said = kinds.of_global(full) or "save the state dict alone, or as .npz"
            raise UserError(
                f"refused: the pickle asks for {full!r}, which may run any code; "
                f"nothing was run; {said}"
            )
        return self._globals[full]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Returns the storage of ('storage', type, key, device, count[, view, in old files])."""
        tag, kind, key, _, count, *view = pid
        if tag != "storage" or (view and view[0] is not None):
            raise ValueError(f"unknown persistent object {tag!r}")
        return self._storage(kind, key, count)


def _globals() -> dict[str, Any]:
    """Builds what a pickle may name: functions of this file, containers, storage types as strings.

    Each pickle gets new ones, as it may set attributes of whatever it obtains.
    """

    def tensor(storage: np.ndarray, offset: int, size: tuple, stride: tuple, *_: Any) -> np.ndarray:
        """Returns a view of a storage, checked to lie within it."""
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
        """Returns a StyleGAN2-ADA object's state; its class, given as source, is not built."""
        return meta["state"]

    class Dtype:
        def __init__(self, name: str, *_: Any):
            self.dtype = np.dtype(name)

        def __setstate__(self, state: tuple) -> None:
            self.dtype = self.dtype.newbyteorder(state[1])

    def dtype(*args: Any) -> Dtype:
        return Dtype(*args)

    def scalar(kind: Dtype, data: bytes) -> Any:
        if kind.dtype.hasobject:
            raise ValueError("a scalar of objects")
        return np.frombuffer(data, kind.dtype, 1)[0].item()

    ordered = collections.OrderedDict
    return inert.names() | {
        "collections.OrderedDict": ordered,
        "dnnlib.util.EasyDict": ordered,
        "builtins.set": set,
        "__builtin__.set": set,
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
        raise ValueError(f"a storage has {len(values)} elements, {count} were declared")
    return values


def _collect(node: Any, name: str, arrays: dict, kwargs: dict) -> None:
    """Adds the arrays of nested dicts and networks to `arrays` under their joined names."""
    if isinstance(node, inert.Array):
        node = node.value
    if isinstance(node, np.ndarray):
        arrays[name] = node
    elif _is_module(node):
        arrays.update(_module(node, f"{name}/" if name else ""))
        kwargs[name] = _plain(node.get("_init_kwargs", {}))
    elif isinstance(node, Mapping):
        for key, value in node.items():
            _collect(value, f"{name}/{key}" if name else str(key), arrays, kwargs)


def _module(state: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, np.ndarray]]:
    for group in ("_parameters", "_buffers"):
        for name, value in state[group].items():
            if isinstance(value, np.ndarray):
                yield f"{prefix}{name}", value
    for name, child in state["_modules"].items():
        if _is_module(child):
            yield from _module(child, f"{prefix}{name}.")


def _is_module(node: Any) -> bool:
    groups = ("_parameters", "_buffers", "_modules")
    return isinstance(node, Mapping) and all(isinstance(node.get(g), Mapping) for g in groups)


def _plain(value: Any) -> Any:
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, Mapping) else value
