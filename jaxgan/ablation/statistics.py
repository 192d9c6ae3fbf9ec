"""Means over seeds, paired differences from the base, and Holm's correction over cells.

Every cell is trained with the seeds of the base, so that differences are taken seed by seed: what
a seed makes of both, such as the data's order, cancels.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

NAN = float("nan")
LEVEL = 0.95


class Mean(NamedTuple):
    """A mean of n values and the ends of its 95 % interval, NaN where n is 1; p of it being 0."""

    value: float
    low: float
    high: float
    n: int
    p: float = NAN


def mean(values: Sequence[float]) -> Mean:
    """Returns the mean of values, with Student's interval and the two-sided p of a mean of 0.

    Values that are all alike have an interval of no width, and p 0, or 1 if they are 0.
    """
    from scipy.special import stdtr, stdtrit  # slow to import

    if not values:
        return Mean(NAN, NAN, NAN, 0)
    n, value = len(values), float(np.mean(values))
    if n == 1:
        return Mean(value, NAN, NAN, 1)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * error
    if not error:
        return Mean(value, value, value, n, 0.0 if value else 1.0)
    p = 2 * float(stdtr(n - 1, -abs(value) / error))
    return Mean(value, value - half, value + half, n, p)


def paired(values: Mapping[int, float], base: Mapping[int, float]) -> Mean:
    """Returns the mean difference from the base over the seeds that both have."""
    return mean([values[seed] - base[seed] for seed in values if seed in base])


def holm(ps: Sequence[float]) -> list[float]:
    """Returns p values corrected for their number (Holm 1979); NaN, where no test was, stays.

    The i-th smallest of m is multiplied by m - i, and none is smaller than one before it.
    """
    known = sorted((i for i, p in enumerate(ps) if not math.isnan(p)), key=lambda i: ps[i])
    out, largest = [NAN] * len(ps), 0.0
    for rank, i in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * ps[i]))
        out[i] = largest
    return out
