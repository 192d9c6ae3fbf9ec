"""The kinds of a config's options: types with ranges, and what a value of another kind is told.

A signature says what fits: `lr: Rate` is a finite number, at least 0. `registry.bind` compares
every value of a config with its parameter's annotation, so no function checks what its type says.
"""

import math
import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from jaxgan.config.schedules import Moving, is_schedule

DURATION = r"(\d+(?:\.\d+)?)\s*(|steps|kimg|epochs?)"
LARGEST = 2**31 - 1  # of int32, which JAX computes with
FLOAT = 3.4028235e38  # of float32
MOST = 60  # characters of a value that a message shows
ITEMS = 64  # of a list of options, at most
STAYS = "stays the same during a run; no schedule"


class Within(NamedTuple):
    """A range of numbers, with its ends unless they are `above` or `below`.

    moves: whether such a number may have a schedule, see config.schedules.
    """

    low: float = -FLOAT
    high: float = FLOAT
    above: bool = False
    below: bool = False
    moves: bool = True

    def holds(self, value: float) -> bool:
        """Returns whether a finite number lies within."""
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high)

    def words(self, number: str) -> str:
        """Returns 'at least 1 and at most 8', of whole numbers; of others 'a number above 0'."""
        ends = []
        if self.low > -FLOAT:
            ends.append(f"{'above' if self.above else 'at least'} {self.low:g}")
        if self.high < FLOAT:
            # :g would round a large whole number
            high = self.high if isinstance(self.high, int) else f"{self.high:g}"
            ends.append(f"{'below' if self.below else 'at most'} {high}")
        if number == "a whole number":
            return f"{' and '.join(ends)}, {number}"
        return f"{number} {' and '.join(ends)}".strip()


class Length(NamedTuple):
    """A stretch of a run, in steps or in the words that core.growth reads."""

    def holds(self, value: int | str) -> bool:
        """Returns whether it is a number of steps, or words of that form."""
        if isinstance(value, str):
            return re.fullmatch(DURATION, value.strip()) is not None
        return 0 <= value <= LARGEST

    def words(self, number: str) -> str:
        """Returns how to write one."""
        del number
        return f"a duration: steps, at most {LARGEST}, '600kimg' or '10epochs'"


Whole = Annotated[int, Within(0, LARGEST)]
Positive = Annotated[int, Within(1, LARGEST)]
Seed = Annotated[int, Within(0, LARGEST)]
Seeds = Annotated[int, Within(1, 1024)]
Batch = Annotated[int, Within(1, 2**20)]
Samples = Annotated[int, Within(1, 2**16)]  # of a picture
Items = Annotated[int, Within(1, 10**7)]  # of a data set that is computed
Side = Annotated[int, Within(1, 8192)]  # pixels
SideOrNone = Annotated[int, Within(0, 8192)]
Width = Annotated[int, Within(1, 2**16)]  # channels, features
WidthOrNone = Annotated[int, Within(0, 2**16)]
Widths = tuple[Width, ...]
Latent = Annotated[int, Within(1, 2**20)]
Depth = Annotated[int, Within(1, ITEMS)]  # layers
Classes = Annotated[int, Within(2, 2**16)]
Multiple = Annotated[int, Within(1, 1024)]

Finite = Annotated[float, Within()]
Psi = Annotated[float, Within(moves=False)]  # of samples, which are drawn outside of a run
Rate = Annotated[float, Within(0)]  # of learning; 0 keeps a player as it is
Scale = Annotated[float, Within(0, above=True)]
NonNegative = Annotated[float, Within(0)]
Probability = Annotated[float, Within(0, 1)]
Portion = Annotated[float, Within(0, 1, below=True)]  # betas, momenta, dropout

RelativeWidths = tuple[Annotated[float, Within(0.001, 0.28)], ...]  # see averages.power

Duration = Annotated[int | str, Length()]
Options = Mapping[str, Any]


def shown(value: Any) -> str:
    """Returns a value's repr, its middle left out where it is long."""
    try:
        text = repr(value)
    except ValueError:  # a whole number of more digits than Python converts
        text = f"a number of {value.bit_length()} bits" if isinstance(value, int) else "…"
    return text if len(text) <= MOST else f"{text[: MOST // 2]}…{text[-10:]} ({len(text)} long)"


def misfit(value: Any, kind: Any, at: str) -> str:
    """Compares a value with the annotation of the parameter that it is for.

    Args:
      value: what a config says.
      kind: an annotation; one that says nothing of a config's values, a class of the package as
        `Spec` or none at all, is fitted by every finite value.
      at: the dotted key, for the message.

    Returns:
      '' where it fits; else the key, the value and what fits, as 'config.batch=0: at least 1 and
      at most 1048576, a whole number'. In a mapping the key is that of the value in it.
    """
    if isinstance(value, Moving) and kind is not Any:
        if not moves(kind):
            return f"{at}: {words(kind)}, which {STAYS}"
        return next(filter(None, (misfit(end, kind, at) for end in value.schedule.ends)), "")
    if is_schedule(value) and not _fits(value, kind):
        return f"{at}: {words(kind)}, which {STAYS}"
    if isinstance(value, Mapping):
        for inner in (each for each in _alternatives(kind) if get_origin(each) is not None):
            if issubclass(get_origin(inner), Mapping):
                of_values = get_args(inner)[1]
                found = (misfit(each, of_values, f"{at}.{key}") for key, each in value.items())
                return next(filter(None, found), "")
    return "" if _fits(value, kind) else f"{at}={shown(value)}: {words(kind)}"


def words(kind: Any) -> str:
    """Says what fits a kind."""
    plain = {int: "a whole number", float: "a finite number", bool: "True or False"}
    plain |= {str: "text", type(None): "None", Mapping: "options", dict: "options"}
    origin, args = get_origin(kind), get_args(kind)
    if kind in plain:
        return plain[kind]
    if origin is Annotated:
        return args[1].words(plain.get(args[0], ""))
    if origin is Literal:
        return f"{'known: ' if len(args) > 1 else ''}{', '.join(map(repr, args))}"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(words, args)))
    if origin in (tuple, list, Sequence):
        if origin is tuple and Ellipsis not in args:
            return f"a list of {len(args)}: {', '.join(map(words, args))}"
        return f"a list, at most {ITEMS} long, each {words(args[0])}"
    if origin is not None and issubclass(origin, Mapping):
        return "options by name"
    return "finite numbers and text"


def moves(kind: Any) -> bool:
    """Returns whether a number of this kind may have a schedule: whole numbers never do."""
    return any(each is float or _is_real(each) for each in _alternatives(kind))


def now(value: Any, kind: Any) -> Any:
    """Returns what a function gets for a value: of a `Moving` its number.

    Where text fits too, as '10kimg' for a half-life, it gets the `Moving`, for it knows the units.
    """
    moving = isinstance(value, Moving) and str not in _alternatives(kind)
    return value.value if moving else value


def _is_real(kind: Any) -> bool:
    return get_origin(kind) is Annotated and get_args(kind)[0] is float and get_args(kind)[1].moves


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """Returns the members of a union, or the kind alone."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _fits(value: Any, kind: Any) -> bool:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _fits(value, args[0]) and args[1].holds(value)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in args)
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in args)
    if origin in (tuple, list, Sequence):
        if not isinstance(value, list | tuple) or len(value) > ITEMS:
            return False
        if origin is tuple and Ellipsis not in args:
            return len(value) == len(args) and all(map(_fits, value, args))
        return all(_fits(each, args[0]) for each in value)
    if kind is Mapping or kind is dict or (origin is not None and issubclass(origin, Mapping)):
        return isinstance(value, Mapping)
    if kind is Any:  # a node in a node: checked when it is bound
        return True
    if kind in (bool, str, type(None)):
        return isinstance(value, kind)
    if isinstance(value, bool):
        return kind not in (int, float)
    if kind is float:
        return isinstance(value, int | float) and _finite(value)
    return isinstance(value, int) and _finite(value) if kind is int else _finite(value)


def _finite(value: Any) -> bool:
    """Whether numbers are finite: int32, float32, as JAX has them; also those within lists."""
    if isinstance(value, int):
        return -LARGEST <= value <= LARGEST
    if isinstance(value, float):
        return math.isfinite(value) and abs(value) <= FLOAT
    return not isinstance(value, list | tuple) or all(map(_finite, value))
