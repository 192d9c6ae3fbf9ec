"""Reads NumPy's .npy from memory: its header is matched, never evaluated, and objects refused."""

import math
import re
import struct

import numpy as np

from jaxgan.weights import bounds
from jaxgan.weights.bounds import Damaged, Excess
from jaxgan.weights.tensors import Bytes, number, shaped

_MAGIC = b"\x93NUMPY"
_ITEM = r"\s*'(\w+)'\s*:\s*('[^']*'|\([\d\sL,]*\)|\[.*\]|True|False)\s*"
_HEADER = re.compile(rf"\{{{_ITEM},{_ITEM},{_ITEM},?\s*\}}\s*", re.ASCII)


def read(data: Bytes) -> np.ndarray | None:
    """Returns an array that cannot be written, or None of texts, records and times.

    Raises:
      Damaged, Excess: bytes that are no .npy, or not what its header declares.
    """
    if data[:6] != _MAGIC or len(data) < 12:
        raise Damaged("an array without NumPy's header")
    form = "<H" if data[6] == 1 else "<I"
    size, start = struct.unpack_from(form, data, 8)[0], 8 + struct.calcsize(form)
    if size > bounds.HEADER:
        raise Excess(f"it has an array with a header of {size} bytes")
    header = bytes(data[start : start + size]).decode("latin1")
    found = _HEADER.fullmatch(header)
    fields = dict(zip(found.groups()[::2], found.groups()[1::2], strict=True)) if found else {}
    if set(fields) != {"descr", "fortran_order", "shape"}:
        raise Damaged(f"an array whose header is {header[:80]!a}")
    kind = fields["descr"].strip("'")
    if "O" in kind:
        raise Damaged("an array of Python objects, which may run code")
    dtype = number(kind)
    if dtype is None:
        return None
    shape = tuple(int(n) for n in re.findall(r"\d{1,19}", fields["shape"]))
    if math.prod(shape) * dtype.itemsize != len(data) - start - size:
        raise Damaged(f"an array of shape {shape} and {dtype} has {len(data) - start - size} bytes")
    fortran = fields["fortran_order"] == "True"
    return shaped(memoryview(data)[start + size :], dtype, shape, fortran=fortran)
