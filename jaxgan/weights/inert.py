"""What the harmless names in training checkpoints become: placeholders that hold and do nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np

_INERT = (
    "argparse.Namespace", "types.SimpleNamespace", "collections.deque", "collections.Counter",
    "torch.Size", "torch.device", "torch.dtype", "datetime.datetime", "datetime.date",
    "datetime.time", "datetime.timedelta", "datetime.timezone", "uuid.UUID", "decimal.Decimal",
    "fractions.Fraction", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath",
    "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "builtins.frozenset",
    "builtins.complex", "builtins.slice", "builtins.range", "builtins.object",
    "builtins.bytearray", "builtins.int", "builtins.float", "builtins.bool", "builtins.str",
    "builtins.list", "builtins.tuple", "builtins.dict", "numpy.float64", "numpy.float32",
    "numpy.int64", "numpy.int32", "numpy.bool_",
)  # fmt: skip


class Array:
    """A NumPy array as a pickle builds it; `value` is None unless it holds plain numbers."""

    value: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        """Takes NumPy's state: version, shape, dtype, Fortran order, and the bytes."""
        _, shape, kind, is_fortran, data = state
        self.value = plain(data, kind.dtype, shape, "F" if is_fortran else "C")


def plain(data: Any, dtype: np.dtype, shape: tuple, order: str) -> np.ndarray | None:
    """Returns bytes as an array; None if its elements are not numbers."""
    if dtype.kind not in "biufc":
        return None
    return np.frombuffer(bytes(data), dtype).reshape(shape, order=order)


def names() -> dict[str, Any]:
    """Builds new placeholders by their names, as a pickle may set attributes of what it obtains."""

    class Inert:
        def __init__(self, *_: Any, **__: Any):
            pass

        def __setstate__(self, state: Any) -> None:
            pass

        def __setitem__(self, key: Any, value: Any) -> None:
            pass

        def append(self, value: Any) -> None:
            pass

        def extend(self, values: Any) -> None:
            pass

    class Dict(dict):
        def __init__(self, *args: Any):
            super().__init__(*[each for each in args if isinstance(each, Mapping)])

        def __setstate__(self, state: Any) -> None:
            pass

    class NewArray(Array):
        pass

    def encode(text: str, *_: Any) -> bytes:
        return text.encode("latin1")

    def frombuffer(data: Any, kind: Any, shape: tuple, order: str) -> Array:
        array = NewArray()
        array.value = plain(data, kind.dtype, shape, order)
        return array

    def reconstruct(*_: Any) -> Array:
        return NewArray()

    def instance(kind: Any, *_: Any) -> Any:
        return Dict() if kind is Dict else Inert()

    found: dict[str, Any] = dict.fromkeys(_INERT, Inert)
    found |= {"collections.defaultdict": Dict, "easydict.EasyDict": Dict, "_codecs.encode": encode}
    found |= {"numpy.ndarray": Inert, "copyreg._reconstructor": instance}
    for core in ("numpy.core", "numpy._core"):
        found[f"{core}.multiarray._reconstruct"] = reconstruct
        found[f"{core}.numeric._frombuffer"] = frombuffer
    old = {"builtins.": "__builtin__.", "copyreg.": "copy_reg."}  # of protocols below 3
    for new, name in old.items():
        found |= {name + k.removeprefix(new): v for k, v in found.items() if k.startswith(new)}
    return found
