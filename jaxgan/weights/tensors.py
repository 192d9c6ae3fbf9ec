"""Tensors and arrays as pickles describe them, and as arrays once their bytes are known.

A pickle builds records of what it says; an array is made of one only at the end, as a view of bytes
that cannot be written.
"""

import math
import re
from typing import Any

import ml_dtypes
import numpy as np

from jaxgan.weights import bounds
from jaxgan.weights.bounds import Budget, Damaged

DTYPES = {
    "FloatStorage": np.float32,
    "DoubleStorage": np.float64,
    "HalfStorage": np.float16,
    "BFloat16Storage": ml_dtypes.bfloat16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}
_NUMBER = re.compile(r"[<>|=]?([?bB]|[biufc][1-9]\d?)", re.ASCII)
Bytes = bytes | memoryview


class Storage:
    """The flat values of a tensor: `count` of `dtype` in `data`, None where not read yet."""

    __slots__ = ("count", "data", "dtype")

    def __init__(self, kind: str, count: Any):
        """Takes the name of a storage type of PyTorch, and its number of elements."""
        if type(count) is not int or not 0 <= count <= bounds.ELEMENTS:
            raise Damaged(f"a storage of {_said(count)} elements")
        self.dtype = np.dtype(DTYPES[kind])
        self.count = count
        self.data: Bytes | None = None

    @property
    def nbytes(self) -> int:
        """The size that was declared."""
        return self.count * self.dtype.itemsize

    def fill(self, data: Bytes) -> None:
        """Takes the values; raises Damaged if they are not of the declared size."""
        if len(data) != self.nbytes:
            raise Damaged(f"a storage has {len(data)} bytes, {self.nbytes} were declared")
        self.data = data


class Tensor:
    """A view of a storage: an offset in elements, and a size and a stride for each axis."""

    __slots__ = ("offset", "size", "storage", "stride")

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any):
        """Takes a storage that this program made, and a view that must lie within it."""
        if type(storage) is not Storage:
            raise Damaged("a tensor of what is no storage")
        if type(size) is not tuple or type(stride) is not tuple or len(size) != len(stride):
            raise Damaged("a tensor whose size and stride are not two tuples of one length")
        if any(type(n) is not int or n < 0 for n in (offset, *size, *stride)):
            raise Damaged("a tensor whose offset, size or stride is not a whole number from 0")
        _check_shape(size)
        if 0 not in size:
            last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
            if max(last + 1, math.prod(size)) > storage.count:
                raise Damaged(f"a tensor {_said(size)} exceeds its {storage.count} elements")
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self) -> np.ndarray:
        """Returns the tensor as a view of its storage, which cannot be written."""
        data, dtype = self.storage.data, self.storage.dtype
        if 0 in self.size:
            return np.zeros(self.size, dtype)
        if data is None:
            raise Damaged("a tensor whose storage is not in the file")
        # an axis of length 1 may have any stride, also one that no address has
        pairs = zip(self.size, self.stride, strict=True)
        strides = [step * dtype.itemsize if n > 1 else 0 for n, step in pairs]
        return np.ndarray(self.size, dtype, data, self.offset * dtype.itemsize, strides)


class Dtype:
    """A NumPy dtype; `dtype` is None unless it is one of numbers."""

    __slots__ = ("dtype",)

    def __init__(self, name: Any):
        """Takes the name that NumPy's pickles have, as in 'f4'."""
        self.dtype = number(name) if type(name) is str else None

    def build(self, state: Any) -> None:
        """Takes NumPy's state, whose second entry is the order of bytes."""
        order = state[1] if type(state) is tuple and len(state) > 1 else None
        if self.dtype is not None:
            if order not in ("<", ">", "|", "="):
                raise Damaged("a dtype without its order of bytes")
            self.dtype = self.dtype.newbyteorder(order)


class Array:
    """A NumPy array as a pickle builds it; `values` is None unless it holds plain numbers."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def build(self, state: Any) -> None:
        """Takes NumPy's state: version, shape, dtype, Fortran order, and the bytes."""
        if type(state) is not tuple or len(state) != 5:
            raise Damaged("a NumPy array without its state")
        _, shape, kind, is_fortran, data = state
        if type(kind) is not Dtype:
            raise Damaged("a NumPy array without its dtype")
        if kind.dtype is not None:
            self.values = shaped(data, kind.dtype, shape, fortran=is_fortran is True)


def number(name: str) -> np.dtype | None:
    """Returns the dtype of real or complex numbers or truth values that a name has, or None."""
    if not _NUMBER.fullmatch(name):
        return None
    try:
        return np.dtype(name)
    except TypeError as error:
        raise Damaged(f"no dtype {name!r}") from error


def shaped(data: Any, dtype: np.dtype, shape: Any, *, fortran: bool) -> np.ndarray:
    """Returns bytes as an array that cannot be written.

    Raises:
      Damaged: no bytes, no shape, or one that the bytes do not fill.
    """
    if type(data) is str:  # Python 2's bytes
        data = latin(data)
    if type(data) not in (bytes, memoryview):
        raise Damaged("an array whose values are no bytes")
    if type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape):
        raise Damaged("an array whose shape is no tuple of whole numbers from 0")
    _check_shape(shape)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise Damaged(f"an array of shape {_said(shape)} and {dtype} has {len(data)} bytes")
    return np.ndarray(shape, dtype, data, order="F" if fortran else "C")


def latin(text: str) -> bytes:
    """Returns the bytes that a pickle wrote as text."""
    try:
        return text.encode("latin1")
    except UnicodeEncodeError as error:
        raise Damaged("bytes written as text that is not Latin-1") from error


def plain(array: np.ndarray, budget: Budget) -> np.ndarray:
    """Returns an array as JAX takes it: C order, this machine's order of bytes, not writable."""
    native = array.dtype.isnative
    if not (native and array.flags.c_contiguous and array.flags.aligned):
        budget.take(array.nbytes)
        array = array.astype(array.dtype.newbyteorder("="), order="C")
    array.setflags(write=False)
    return array


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) > bounds.AXES:
        raise Damaged(f"an array of {len(shape)} axes")
    if math.prod(n for n in shape if n) > bounds.ELEMENTS:
        raise Damaged(f"an array of shape {_said(shape)}")


def _said(value: Any) -> str:
    """Returns numbers of a file for a message; they may have hundreds of digits."""
    text = str(value)
    return text if len(text) < 80 else f"{text[:77]}…"
