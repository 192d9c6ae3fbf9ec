"""Schedules: numbers of a config that move with the images seen during a run.

Where a config has a number that may move, it takes one of

    {'cosine': (2e-4, 5e-5), 'images': 2e7}             half a cosine over so many images
    {'linear': ((0, 0.0), (1e5, 2e-4), (2e7, 5e-5))}    lines between (images, value)

and after the last of the images the number stays. Values have the unit that the number has, as in
{'cosine': ('0kimg', '500kimg'), 'images': 2e7} for a half-life. Between them a number stays within
their range, so they alone are checked.
"""

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.runtime.errors import UserError

SHAPES = ("cosine", "linear")
KIMG = r"(\d+(?:\.\d+)?)\s*kimg"
FORMS = (
    "a schedule is {'cosine': (FIRST, LAST), 'images': N} or "
    "{'linear': ((IMAGES, VALUE), (IMAGES, VALUE), …)}"
)


class Schedule(NamedTuple):
    """A number by images seen.

    shape: 'cosine' or 'linear'. points: (images, value), ascending in images. unit: of the values,
    '' or 'kimg'. ends: the values as the config has them.
    """

    shape: str
    points: tuple[tuple[float, float], ...]
    unit: str
    ends: tuple[float | str, ...]

    def __call__(self, images: Any, xp: Any = np) -> Any:
        """Returns the value after so many images; `xp` is numpy, or jax.numpy for a traced one."""
        value = self.points[0][1]
        for (start, first), (stop, last) in itertools.pairwise(self.points):
            part = xp.clip((images - start) / (stop - start), 0.0, 1.0)
            if self.shape == "cosine":
                part = (1 - xp.cos(np.pi * part)) / 2
            between = xp.where(images < stop, first + part * (last - first), last)
            value = xp.where(images < start, value, between)
        return value


class Moving(NamedTuple):
    """A scheduled number as it is at one time: what a config's node has in the schedule's place."""

    schedule: Schedule
    value: Any

    def __repr__(self) -> str:
        return f"a schedule from {self.schedule.ends[0]} to {self.schedule.ends[-1]}"


def is_schedule(node: Any) -> bool:
    """Returns whether a config's value is meant as a schedule."""
    return isinstance(node, Mapping) and "name" not in node and any(s in node for s in SHAPES)


def find(nodes: Mapping[str, Any], at: str) -> dict[str, Schedule]:
    """Returns the schedules under `nodes`, by dotted key; `at` is where the nodes stand.

    Raises:
      UserError: one of another form.
    """
    found: dict[str, Schedule] = {}
    for name, node in nodes.items():
        key = f"{at}.{name}"
        if is_schedule(node):
            found[key] = parse(node, key)
        elif isinstance(node, Mapping):
            found |= find(node, key)
    return found


def place(nodes: Mapping[str, Any], at: str, numbers: Mapping[str, Moving]) -> dict[str, Any]:
    """Returns `nodes` with `numbers` in the place of their schedules, by dotted key."""
    return {
        name: numbers[f"{at}.{name}"]
        if f"{at}.{name}" in numbers
        else place(node, f"{at}.{name}", numbers)
        if isinstance(node, Mapping)
        else node
        for name, node in nodes.items()
    }


def first(node: Any, at: str) -> Any:
    """Returns a number, or the value that its schedule begins with."""
    return parse(node, at).points[0][1] if is_schedule(node) else node


def parse(node: Mapping[str, Any], at: str) -> Schedule:
    """Reads a schedule.

    Raises:
      UserError: another form than those above, or images that do not ascend.
    """
    shape = next(each for each in SHAPES if each in node)
    points = node[shape]
    wanted = {"cosine", "images"} if shape == "cosine" else {"linear"}
    if set(node) != wanted or not isinstance(points, list | tuple):
        raise UserError(f"{at}: {FORMS}")
    if shape == "cosine":
        points = tuple(zip((0, node["images"]), points, strict=False)) if len(points) == 2 else ()
    if len(points) < 2 or not all(isinstance(p, list | tuple) and len(p) == 2 for p in points):
        raise UserError(f"{at}: {FORMS}")
    images = [_number(each, at)[0] * (1000 if _number(each, at)[1] else 1) for each, _ in points]
    values, units = zip(*(_number(each, at) for _, each in points), strict=True)
    if any(a >= b for a, b in itertools.pairwise(images)) or images[0] < 0:
        raise UserError(f"{at}: images {images} of a schedule: numbers that ascend from 0 or more")
    if len(set(units)) > 1:
        raise UserError(f"{at}: values of a schedule are all in kimg, or all plain numbers")
    pairs = tuple(zip(images, values, strict=True))
    return Schedule(shape, pairs, units[0], tuple(each for _, each in points))


def _number(value: Any, at: str) -> tuple[float, str]:
    """Returns a number and its unit, '' or 'kimg'."""
    if isinstance(value, str) and (match := re.fullmatch(KIMG, value.strip())):
        return float(match[1]), "kimg"
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not math.isfinite(value) or abs(value) > 1e30:
        raise UserError(
            f"{at}: {str(value)[:40]!r} in a schedule; a finite number, or as '500kimg'"
        )
    return float(value), ""
