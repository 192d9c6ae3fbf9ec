"""Growing: which resolution trains at a step, how far it has faded in, how large its batch is.

A run is a list of stages (Karras et al. 2018, section 2). The first resolution trains alone; each
next one fades in, then trains; the last goes on for ever. All of it follows from the step, so a
resumed run needs nothing else. A run that does not grow is one stage. What nets make of a stage is
in nets/growing.py; here nothing needs JAX.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxgan.config.registry import bind
from jaxgan.core.shapes import check_square
from jaxgan.runtime.errors import UserError

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Stage(NamedTuple):
    """One resolution's share of a run.

    res: pixels a side.
    start: its first step. stop: the step after its last, None for the last stage.
    fade: steps, from `start` on, over which it fades in; 0 where nothing comes before.
    batch: images a step. seen: images of all steps before `start`.
    rate: what learning rates are multiplied by.
    """

    res: int
    start: int
    stop: int | None
    fade: int
    batch: int
    seen: int
    rate: float = 1.0

    def alpha(self, t: int) -> float:
        """How far it has faded in at step t: from 0 at `start` to 1, linearly."""
        return min(max((t - self.start) / self.fade, 0.0), 1.0) if self.fade else 1.0


class Growth(NamedTuple):
    """A run's stages, in turn."""

    stages: tuple[Stage, ...]

    def stage(self, t: int) -> Stage:
        """The stage that step t (from 0) belongs to."""
        return next(stage for stage in reversed(self.stages) if stage.start <= t)

    def seen(self, t: int) -> int:
        """Images of all steps before step t."""
        stage = self.stage(t)
        return stage.seen + (t - stage.start) * stage.batch

    def steps(self, images: float) -> int:
        """The fewest steps that see so many images."""
        stage = next(stage for stage in reversed(self.stages) if stage.seen <= images)
        return stage.start + math.ceil((images - stage.seen) / stage.batch)

    def batches(self) -> list[int]:
        """Images a step, of each stage."""
        return [stage.batch for stage in self.stages]

    def common_batch(self) -> int:
        """The greatest common divisor of all stages' batches."""
        return math.gcd(*self.batches())

    def readings(self, t: int) -> dict[str, float]:
        """What to log after t steps: thousands of images; where the run grows, how far it is."""
        row = {"kimg": self.seen(t) / 1000}
        if len(self.stages) == 1:
            return row
        stage = self.stage(t)
        return row | {"res": stage.res, "alpha": stage.alpha(t)}


def fixed(res: int, batch: int) -> Growth:
    """A run that does not grow."""
    return Growth((Stage(res, 0, None, 0, batch, 0),))


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
