"""Progressive growing as a schedule: the resolution, fade and batch of each step; durations.

A run is a list of stages (Karras et al. 2018, section 2). The first resolution trains alone; each
next one fades in, then trains; the last trains to the end. All of it follows from the step, so a
resumed run needs nothing else. A run that does not grow is one stage. How nets see a stage is in
nets/layers/growing.py; a pyramid's stages are nets of their own. Nothing here needs JAX.

A config gives durations in steps, images or epochs; the loop counts steps.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jaxgan.config.kinds import DURATION, LARGEST, Batch, Duration, Scale, shown
from jaxgan.config.registry import bind
from jaxgan.core.shapes import check_square
from jaxgan.runtime.errors import UserError

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Stage(NamedTuple):
    """One resolution's part of a run.

    res: pixels per side.
    start: its first step. stop: the step after its last, None for the last stage.
    fade: steps, from `start` on, over which it fades in; 0 for the first stage.
    batch: images per step. seen: images of all steps before `start`.
    rate: multiplies learning rates.
    """

    res: int
    start: int
    stop: int | None
    fade: int
    batch: int
    seen: int
    rate: float = 1.0

    def alpha(self, t: int) -> float:
        """Returns how far it has faded in at step t: from 0 at `start` to 1, linearly."""
        return min(max((t - self.start) / self.fade, 0.0), 1.0) if self.fade else 1.0


class Growth(NamedTuple):
    """A run's stages, in order."""

    stages: tuple[Stage, ...]

    def stage(self, t: int) -> Stage:
        """Returns the stage of step t (from 0)."""
        return next(stage for stage in reversed(self.stages) if stage.start <= t)

    def seen(self, t: int) -> int:
        """Returns the number of images of all steps before step t."""
        stage = self.stage(t)
        return stage.seen + (t - stage.start) * stage.batch

    def steps(self, images: float) -> int:
        """Returns the fewest steps that take this many images."""
        stage = next(stage for stage in reversed(self.stages) if stage.seen <= images)
        return stage.start + math.ceil((images - stage.seen) / stage.batch)

    def batches(self) -> list[int]:
        """Returns the images per step of each stage."""
        return [stage.batch for stage in self.stages]

    def readings(self, t: int) -> dict[str, float]:
        """Returns what to log after t steps: kimg; in a growing run its resolution and alpha."""
        row = {"kimg": self.seen(t) / 1000}
        if len(self.stages) == 1:
            return row
        stage = self.stage(t)
        return row | {"res": stage.res, "alpha": stage.alpha(t)}


def fixed(res: int, batch: int) -> Growth:
    """Returns the growth of a run that does not grow: one stage."""
    return Growth((Stage(res, 0, None, 0, batch, 0),))


def plan(
    node: Mapping[str, Any] | None, *, shape: tuple[int, ...], images: int, size: int
) -> Growth:
    """Builds the stages of config.growth; a run without that node does not grow.

    Args:
      node: `grow`'s options. shape: of the data.
      images: config.batch. size: images in the data set.

    Raises:
      UserError: an unknown option, or what `grow` refuses.
    """
    if node is None:
        return fixed(shape[0], images)
    given = {"shape": shape, "images": images, "size": size}
    grown: Growth = bind(grow, node, at="config.growth", given=given)(**given)
    return grown


def grow(
    *,
    shape: tuple[int, ...],
    images: int,
    size: int,
    first: int = 4,
    factor: Literal[2, 4, 8] = 2,
    stable: Duration = "600kimg",
    fade: Duration = "600kimg",
    together: bool = False,
    batch: Mapping[str, Batch] | None = None,
    rate: Mapping[str, Scale] | None = None,
) -> Growth:
    """Builds stages that double from `first` to the data's size (Karras et al. 2018, appendix A).

    Args:
      shape, images, size: as in `plan`.
      first: pixels per side of the first stage.
      factor: how many times those of the stage before each next one has; a pyramid's may differ
        from 2.
      fade, stable: how long each resolution fades in, and then trains: steps, kimg or epochs. The
        first does not fade in, the last trains to the end.
      together: all stages of a pyramid train from the first step to the end, on batches of the
        last one's size; `stable` and `fade` then say nothing.
      batch: resolution -> images per step from there on; config.batch below the smallest.
      rate: resolution -> multiplier of the optimizers' lr from there on; 1 below the smallest.

    Raises:
      UserError: data of another shape or below `first`, an invalid duration or table.
    """
    if first not in SIZES:
        raise UserError(f"config.growth.first={first}: one of {', '.join(map(str, SIZES))}")
    check_square(shape, tuple(res for res in SIZES if res >= first), "growing")
    batches, rates = _table(batch, "batch", int), _table(rate, "rate", float)
    sides = _sides(first, factor, shape[0])
    if together:
        n = _from(batches, shape[0], images)
        every = (Stage(res, 0, None, 0, n, 0, _from(rates, res, 1.0)) for res in sides)
        return Growth(tuple(every))
    stages: list[Stage] = []
    start = seen = 0
    for res in sides:
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
    if start > LARGEST:
        raise UserError(
            f"config.growth: its last stage starts after {LARGEST} steps, all there are"
        )
    return Growth(tuple(stages))


def _sides(first: int, factor: int, last: int) -> list[int]:
    """Returns `first` and its multiples by powers of `factor` up to `last`.

    Raises:
      UserError: `last` is none of them.
    """
    sides = [first]
    while sides[-1] < last:
        sides.append(sides[-1] * factor)
    if sides[-1] != last:
        raise UserError(
            f"config.growth.factor={factor}: from {first} pixels that does not reach the data's "
            f"{last}; set config.growth.first or config.data.res"
        )
    return sides


def total(duration: int | str, *, growth: Growth, size: int, at: str) -> int:
    """Returns the steps in a duration from the beginning of a run with these stages.

    Raises:
      UserError: not a duration, or more steps than a run can have.
    """
    number, images = _parse(duration, size, at)
    least = number * images / max(growth.batches()) if images else number
    if least > LARGEST or (taken := growth.steps(number * images) if images else number) > LARGEST:
        raise UserError(f"{at}={shown(duration)}: a run has at most {LARGEST} steps")
    return math.ceil(taken)


def interval(duration: int | str, *, growth: Growth, size: int, at: str) -> int:
    """Returns the steps between two of a run's periodic actions.

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
    """Returns the number of steps in a duration, rounded up.

    Args:
      duration: 20000 or "20000" steps, "600kimg" (thousands of images) or "10epochs".
      batch: images per step. size: images in the data set.
      at: where the duration stands in the config, for messages.

    Raises:
      UserError: not of that form.
    """
    return total(duration, growth=fixed(0, batch), size=size, at=at)


def _parse(duration: int | str, size: int, at: str) -> tuple[float, int]:
    """Returns a number, and the images in one of its units, 0 for steps."""
    match = re.fullmatch(DURATION, str(duration).strip())
    if not match:
        raise UserError(
            f"{at}={shown(duration)} is not a duration; write steps (20000), '600kimg' or "
            "'10epochs'"
        )
    return float(match[1]), {"kimg": 1000, "epoch": size, "epochs": size}.get(match[2], 0)


def _table(node: Mapping[str, Any] | None, name: str, kind: type[float]) -> dict[int, Any]:
    """Returns config.growth.batch or .rate with integer keys."""
    for res, value in (node or {}).items():
        number = isinstance(value, (kind, int)) and not isinstance(value, bool)
        fits = number and value > 0
        if res not in map(str, SIZES) or not fits:
            raise UserError(
                f"config.growth.{name}.{res}={value!r}: a resolution ({SIZES[0]} to {SIZES[-1]}) "
                f"and a positive {kind.__name__}"
            )
    return {int(res): value for res, value in (node or {}).items()}


def _from(table: Mapping[int, Any], res: int, otherwise: Any) -> Any:
    """Returns the entry of the largest resolution that is not above `res`."""
    reached = [r for r in table if r <= res]
    return table[max(reached)] if reached else otherwise
