"""Durations: a config says them in steps, images or epochs; the loop counts steps."""

import math
import re
from collections.abc import Mapping
from typing import Any

from jaxgan.config.registry import bind
from jaxgan.core.growth import Growth, Stage, fixed
from jaxgan.nets.growing import SIZES
from jaxgan.nets.layers.basic import check_square
from jaxgan.runtime.errors import UserError


def steps(duration: int | str, *, batch: int, size: int, at: str) -> int:
    """The number of steps in a duration, rounded up.

    Args:
      duration: 20000 or "20000" steps, "600kimg" (thousands of images) or "10epochs".
      batch: images a step. size: images in the data set.
      at: where the duration stands in the config, for messages.

    Raises:
      UserError: not of that form.
    """
    return total(duration, growth=fixed(0, batch), size=size, at=at)


def total(duration: int | str, *, growth: Growth, size: int, at: str) -> int:
    """`steps` from the beginning of a run, whose batch follows from its stages.

    Raises:
      UserError: not a duration.
    """
    number, images = _parse(duration, size, at)
    return growth.steps(number * images) if images else math.ceil(number)


def interval(duration: int | str, *, growth: Growth, size: int, at: str) -> int:
    """`steps` between two of what a run does again and again.

    Raises:
      UserError: not a duration, or one in images where the batch changes.
    """
    _, images = _parse(duration, size, at)
    batches = set(growth.batches())
    if images and len(batches) > 1:
        raise UserError(
            f"{at}={duration!r}: the batch changes at config.growth.batch, so that is no fixed "
            "number of steps; write steps"
        )
    return steps(duration, batch=batches.pop(), size=size, at=at)


def plan(
    node: Mapping[str, Any] | None, *, shape: tuple[int, ...], images: int, size: int
) -> Growth:
    """The stages of config.growth; a run without that node does not grow.

    Args:
      node: `grow`'s options. shape: of the data.
      images: config.batch. size: images in the data set.

    Raises:
      UserError: an unknown option, or what `grow` refuses.
    """
    if node is None:
        return fixed(shape[0], images)
    given = {"shape": shape, "images": images, "size": size}
    return bind(grow, node, at="config.growth", given=given)(**given)


def grow(
    *,
    shape: tuple[int, ...],
    images: int,
    size: int,
    first: int = 4,
    stable: int | str = "600kimg",
    fade: int | str = "600kimg",
    batch: Mapping[str, int] | None = None,
    rate: Mapping[str, float] | None = None,
) -> Growth:
    """Resolutions double from `first` up to the data's (Karras et al. 2018, appendix A).

    Args:
      shape, images, size: as in `plan`.
      first: pixels a side to begin with.
      stable, fade: how long each resolution trains as it is, and before that fades in: steps,
        kimg or epochs. The first does not fade in, the last trains to the end.
      batch: resolution -> images a step from there on; below the smallest config.batch.
      rate: resolution -> what the optimisers' lr is multiplied by from there on; below, 1.

    Raises:
      UserError: data of another shape or below `first`, a duration or a table that is none.
    """
    if first not in SIZES:
        raise UserError(f"config.growth.first={first}: one of {', '.join(map(str, SIZES))}")
    check_square(shape, tuple(res for res in SIZES if res >= first), "growing")
    batches, rates = _table(batch, "batch", int), _table(rate, "rate", float)
    stages, start, seen = [], 0, 0
    for res in (res for res in SIZES if first <= res <= shape[0]):
        n = _from(batches, res, images)
        fading, alone = (
            steps(length, batch=n, size=size, at=f"config.growth.{name}")
            for name, length in (("fade", fade if stages else 0), ("stable", stable))
        )
        stop = start + fading + alone if res < shape[0] else None
        if stop == start:
            raise UserError("config.growth: fade and stable are both 0; a resolution takes a step")
        stages.append(Stage(res, start, stop, fading, n, seen, _from(rates, res, 1.0)))
        if stop:
            start, seen = stop, seen + (stop - start) * n
    return Growth(tuple(stages))


def _parse(duration: int | str, size: int, at: str) -> tuple[float, int]:
    """A number, and the images in one of its units, 0 for steps."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|steps|kimg|epochs?)", str(duration).strip())
    if not match:
        raise UserError(
            f"{at}={duration!r} is no duration; write steps (20000), '600kimg' or '10epochs'"
        )
    return float(match[1]), {"kimg": 1000, "epoch": size, "epochs": size}.get(match[2], 0)


def _table(node: Mapping[str, Any] | None, name: str, kind: type) -> dict[int, Any]:
    """config.growth.batch or .rate, its keys made numbers."""
    for res, value in (node or {}).items():
        fits = isinstance(value, kind | int) and not isinstance(value, bool) and value > 0
        if res not in map(str, SIZES) or not fits:
            raise UserError(
                f"config.growth.{name}.{res}={value!r}: a resolution ({SIZES[0]} to {SIZES[-1]}) "
                f"and a positive {kind.__name__}"
            )
    return {int(res): value for res, value in (node or {}).items()}


def _from(table: Mapping[int, Any], res: int, otherwise: Any) -> Any:
    """The entry of the largest resolution that is not above `res`."""
    reached = [r for r in table if r <= res]
    return table[max(reached)] if reached else otherwise
