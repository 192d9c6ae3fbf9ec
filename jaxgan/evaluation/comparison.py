"""Compares two runs, or two sets of images: the difference of a figure, and its interval.

Both are compared with the same real images by the same seed, so the two bootstraps of a figure
resample the same real images in each draw, and the difference is taken draw by draw: what chance
draws of real images do to both figures cancels. Samples are resampled by their number likewise.
Those of two runs share latents, labels or pictures to translate, so this is how the difference
varies with them too; where they share nothing, as two folders may, their numbers mean nothing and
the two move independently, as they should.

Figures by parts or halves of the samples (swd; fd, mind, prdc) pair those; means over samples,
paths or pictures (ppl, cycle, psnr, hidden) the items; agreement the labels asked for, under the
one classifier that learned from the real images; features (kid) the terms of the statistic. A
metric without draws has the interval of two independent figures, which is wider where they are not.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation import run, uncertainty
from jaxgan.evaluation.run import Row
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.runtime.errors import UserError

NORMAL = 1.959964  # standard deviations, half an interval of 95 %
REMEDIES = {
    "data": "pass --real=SET, the same for both",
    "split": "pass --real=SET, the same for both",
    "n": "pass --n={least}",
    "generator": "pass --generator=last",
}


def compare(a: Subject, b: Subject, names: Sequence[str]) -> Iterator[Row]:
    """Computes the difference of each metric, of b less that of a.

    Args:
      a, b: two runs, or two sets of images.
      names: of metrics, as `run.evaluate`.

    Yields:
      metric; a and b, rows as of `run.evaluate`; difference, std, low, high; same: whether the
      interval holds 0, so that the figures show no difference.

    Raises:
      UserError: as `run.evaluate`, or protocols that differ, before anything is drawn.
    """
    metrics, ones = run.ready(a, names)
    others = run.ready(b, names)[1]
    if [view.direction for view in ones] != [view.direction for view in others]:
        raise UserError("--compare: one translates in directions in which the other does not")
    for one, other in zip(ones, others, strict=True):
        check(stamp(one), stamp(other))
    for (name, metric), pair in itertools.product(metrics.items(), zip(ones, others, strict=True)):
        rows, draws = zip(*(run.drawn(view, name, metric) for view in pair), strict=True)
        check(*(row["protocol"] | {"data": "", "content": ""} for row in rows))
        found = difference(*rows, *draws)
        same = found.low <= 0 <= found.high if math.isfinite(found.low) else None
        yield run.finite(
            {"metric": name, "a": rows[0], "b": rows[1], "difference": found.value}
            | {"std": found.std, "low": found.low, "high": found.high, "same": same}
        )


def difference(a: Row, b: Row, draws_a: np.ndarray, draws_b: np.ndarray) -> Estimate:
    """Returns the difference of two figures, by their bootstraps' draws (B,) where both have."""
    values, errors = [[math.nan if row[key] is None else row[key] for row in (a, b)]
                      for key in ("value", "std")]  # fmt: skip
    value = values[1] - values[0]
    if len(draws_a) == len(draws_b) > 0:
        return uncertainty.of_draws(value, draws_b - draws_a)
    std = math.hypot(*errors)
    return Estimate(value, std, value - NORMAL * std, value + NORMAL * std)


def stamp(view: Subject) -> dict[str, Any]:
    """Returns what figures must share to be compared: of data the content, where it is known."""
    about = run.protocol(view)
    data = about.pop("content") or about["data"]
    shape = "x".join(map(str, view.spec.shape))
    return about | {"resolution": shape, "data": data, "split": view.split, "n": view.size}


def check(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Refuses protocols that differ.

    Raises:
      UserError: names each difference, and the remedy of the first that has one.
    """
    keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
    if not keys:
        return
    listed = "; ".join(f"{key} {a.get(key, 'none')} and {b.get(key, 'none')}" for key in keys)
    remedy = next((REMEDIES[key] for key in keys if key in REMEDIES), "evaluate each by itself")
    least = min(a["n"], b["n"]) if "n" in keys else 0
    raise UserError(f"--compare: protocols differ: {listed}; {remedy.format(least=least)}")
