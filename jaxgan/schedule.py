"""Durations: a config says them in steps, images or epochs; the loop counts steps."""

import math
import re

from jaxgan.errors import UserError


def steps(duration: int | str, *, batch: int, size: int, at: str) -> int:
    """The number of steps in a duration, rounded up.

    Args:
      duration: 20000 or "20000" steps, "600kimg" (thousands of images) or "10epochs".
      batch: images a step. size: images in the data set.
      at: where the duration stands in the config, for messages.

    Raises:
      UserError: not of that form.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|steps|kimg|epochs?)", str(duration).strip())
    if not match:
        raise UserError(
            f"{at}={duration!r} is no duration; write steps (20000), '600kimg' or '10epochs'"
        )
    number, unit = float(match[1]), match[2]
    images = {"kimg": 1000, "epoch": size, "epochs": size}.get(unit, batch)
    return math.ceil(number * images / batch)
