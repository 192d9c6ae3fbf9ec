"""What the names in a pickle stand for here: records and placeholders that do nothing.

A pickle calls what it names. Here it may name only what `names` lists, and each of those names
stands for one of the few functions of this file.
"""

import sys
from collections.abc import Callable
from typing import Any

from jaxgan.weights.bounds import Budget, Damaged
from jaxgan.weights.tensors import DTYPES, Array, Dtype, Tensor, latin, shaped

_PLACEHOLDERS = (
    "argparse.Namespace", "types.SimpleNamespace", "collections.deque", "collections.Counter",
    "torch.Size", "torch.device", "torch.dtype", "datetime.datetime", "datetime.date",
    "datetime.time", "datetime.timedelta", "datetime.timezone", "uuid.UUID", "decimal.Decimal",
    "fractions.Fraction", "pathlib.Path", "pathlib.PosixPath", "pathlib.WindowsPath",
    "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.PureWindowsPath",
    "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "builtins.frozenset", "builtins.set",
    "builtins.complex", "builtins.slice", "builtins.range", "builtins.object", "torch.float32",
    "torch.float16", "torch.bfloat16",
    "builtins.bytearray", "builtins.int", "builtins.float", "builtins.bool", "builtins.str",
    "builtins.list", "builtins.tuple", "builtins.dict", "numpy.ndarray", "numpy.float64",
    "numpy.float32", "numpy.int64", "numpy.int32", "numpy.bool_",
)  # fmt: skip
_MAPPINGS = (
    "collections.OrderedDict", "collections.defaultdict", "dnnlib.util.EasyDict",
    "easydict.EasyDict",
)  # fmt: skip
_MODULES = (
    "torch.nn.modules.container.ModuleList", "torch.nn.modules.conv.Conv2d",
    "torch.nn.modules.linear.Linear",
    *(f"training.networks{end}.{net}" for end in ("", "_baseline")
      for net in ("Generator", "Discriminator")),
    *(f"{package}.{name}" for package in ("R3GAN", "BaselineGAN") for name in (
        *(f"Networks.{net}" for net in (
            "Generator", "Discriminator", "GeneratorStage", "DiscriminatorStage", "ResidualBlock",
            "Convolution", "UpsampleLayer", "DownsampleLayer", "GenerativeBasis",
            "DiscriminativeBasis")),
        *(f"FusedOperators.BiasedActivation{end}" for end in ("", "CUDA", "Reference")),
        *(f"Resamplers.Interpolative{way}sampler{end}" for way in ("Up", "Down")
          for end in ("", "CUDA", "Reference")))),
)  # fmt: skip
_SCALARS = (str, int, float, bool, type(None))
_ENTRY = 128  # bytes that an entry of a dict takes at most


class Placeholder:
    """What is no weight; it takes whatever a pickle puts into it and keeps none of it."""

    __slots__ = ()


NOTHING = Placeholder()


class Dict:
    """A dict of a pickle by the names of its entries.

    Keys become text at once: that of numbers is chosen by the file, and so are their hashes, so a
    dict of numbers could be made to collide.
    """

    __slots__ = ("_budget", "items")

    def __init__(self, budget: Budget):
        budget.take(160)
        self.items: dict[str, Any] = {}
        self._budget = budget

    def put(self, key: Any, value: Any) -> None:
        """Sets an entry; one whose key is no text, no number and no tuple of them is dropped."""
        if type(key) is not str:
            few = type(key) is tuple and len(key) <= 8 and all(type(k) in _SCALARS for k in key)
            if type(key) not in _SCALARS and not few:
                return
            key = str(key)
            self._budget.take(sys.getsizeof(key))
        self._budget.step(_ENTRY)
        self.items[key] = value


class Module:
    """A network or layer that was pickled as an object of a named class; `state` is its dict."""

    __slots__ = ("state",)

    def __init__(self, budget: Budget):
        budget.take(64)
        self.state: Dict | None = None

    def build(self, state: Any) -> None:
        """Takes the attributes of the object."""
        if type(state) is not Dict:
            raise Damaged("a network whose attributes are no dict")
        self.state = state


class Name:
    """A global name; `call` does what calling it, or making an instance of it, does here.

    It takes `needs` arguments or more; it is None of a type of storage, which is only named.
    """

    __slots__ = ("call", "full", "needs")

    def __init__(self, full: str, call: Callable[..., Any] | None = None):
        self.full, self.call = full, call
        self.needs = call.__code__.co_argcount if call else 0


def names(budget: Budget, nested: Callable[[Any], Any]) -> dict[str, Name]:
    """Builds what a pickle may name.

    Args:
      budget: what the calls count against.
      nested: reads the pickle within a pickle.
    """

    def placeholder(*_: Any) -> Any:
        return NOTHING

    def mapping(*args: Any) -> Dict:
        return _mapping(budget, args)

    def array(*_: Any) -> Array:
        budget.take(256)
        return Array()

    def frombuffer(data: Any, kind: Any, shape: Any, order: Any, *_: Any) -> Array:
        made = array()
        made.build((1, shape, kind, order == "F", data))
        return made

    def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
        budget.take(256)
        return Tensor(storage, offset, size, stride)

    def dtype(name: Any, *_: Any) -> Dtype:
        budget.take(128)
        return Dtype(name)

    def encode(text: Any, *_: Any) -> bytes:
        if type(text) is not str:
            raise Damaged("bytes written as what is no text")
        budget.take(len(text) + 64)
        return latin(text)

    calls: dict[str, Callable[..., Any] | None] = dict.fromkeys(_PLACEHOLDERS, placeholder)
    calls |= dict.fromkeys(_MAPPINGS, mapping)
    calls |= dict.fromkeys(_MODULES, lambda *_: Module(budget))
    calls |= {
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_parameter": lambda data, *_: data,
        "torch.storage._load_from_bytes": lambda data, *_: nested(data),
        "torch_utils.persistence._reconstruct_persistent_obj": _network,
        "_codecs.encode": encode,
        "numpy.dtype": dtype,
        "copyreg._reconstructor": _instance,
        **{f"torch.{kind}": None for kind in DTYPES},
    }
    for core in ("numpy.core", "numpy._core"):
        calls[f"{core}.multiarray._reconstruct"] = array
        calls[f"{core}.numeric._frombuffer"] = frombuffer
        calls[f"{core}.multiarray.scalar"] = _scalar
    for new, old in (("builtins.", "__builtin__."), ("copyreg.", "copy_reg.")):  # of Python 2
        renamed = {k.replace(new, old, 1): v for k, v in calls.items() if k.startswith(new)}
        calls |= renamed
    return {full: Name(full, call) for full, call in calls.items()}


def _mapping(budget: Budget, args: tuple[Any, ...]) -> Dict:
    """Returns a dict of another, or of a list of pairs, whichever is among the arguments."""
    made = Dict(budget)
    for source in args:
        pairs = list(source.items.items()) if type(source) is Dict else source
        for pair in pairs if type(pairs) is list else ():
            if type(pair) not in (tuple, list) or len(pair) != 2:
                raise Damaged("a dict of what are no pairs")
            made.put(*pair)
    return made


def _instance(kind: Any, *_: Any) -> Any:
    is_mapping = type(kind) is Name and kind.full in _MAPPINGS
    return kind.call() if is_mapping else NOTHING


def _network(meta: Any, *_: Any) -> Any:
    """Returns a StyleGAN2-ADA object's state; its class, given as source, is not built."""
    if type(meta) is not Dict or "state" not in meta.items:
        raise Damaged("a network without its state")
    return meta.items["state"]


def _scalar(kind: Any, data: Any, *_: Any) -> Any:
    if type(kind) is not Dtype:
        raise Damaged("a number of NumPy without its dtype")
    if kind.dtype is None:
        return NOTHING
    value = shaped(data, kind.dtype, (), fortran=False).item()
    return value if type(value) in (bool, int, float) else NOTHING
