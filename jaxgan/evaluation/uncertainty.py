"""How far a figure would move over other draws: bootstrap intervals, and those of proportions.

Every interval is of 95 %. That of a metric is over draws of samples and of as many real images,
with the run's weights and the data as they are; seeds of training are not in it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

DRAWS = 1000  # of a bootstrap
LEVEL = 0.95
PARTS = 20  # of the samples, where a figure is too slow to be computed for each draw
LEAST = 5  # samples of a part

Figures = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]


class Estimate(NamedTuple):
    """A figure, its standard error, and the ends of its interval; NaN where they are not known."""

    value: float
    std: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")

    def scaled(self, unit: float) -> "Estimate":
        """Returns the estimate in another unit, of which one of this is `unit`."""
        return Estimate(*(unit * number for number in self))


def of_draws(value: float, draws: np.ndarray) -> Estimate:
    """Builds the estimate of a figure of which a bootstrap made `draws` (B,)."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(draws.std(ddof=1)), float(low), float(high))


def of_items(values: np.ndarray, figure: Callable[[np.ndarray], float], seed: int) -> Estimate:
    """Bootstraps a figure of one number per sample, `figure(values)` of (N,)."""
    rng = np.random.default_rng(seed)
    draws = [figure(values[rng.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    return of_draws(figure(values), np.array(draws))


def of_parts(
    figures: Figures, real: np.ndarray, fake: np.ndarray, seed: int
) -> dict[str, Estimate]:
    """Bootstraps slow figures of two sets (N, ...) by their values on disjoint parts of both.

    The mean over parts varies as the whole's figure does, at a twentieth of a bootstrap's time;
    only its spread is used, for figures such as distances are larger between smaller sets.

    Returns:
      By name; without an interval where there are fewer than two parts of five.
    """
    whole = figures(real, fake)
    count = min(PARTS, len(fake) // LEAST)
    if count < 2:
        return {name: Estimate(value) for name, value in whole.items()}
    even = len(fake) - len(fake) % count
    parts = [figures(real[i:even:count], fake[i:even:count]) for i in range(count)]
    rows = np.random.default_rng(seed).integers(count, size=(DRAWS, count))
    found = {}
    for name, value in whole.items():
        each = np.array([part[name] for part in parts])
        # A mean of `count` varies by more than resampling shows, by this factor.
        moves = (each[rows].mean(axis=1) - each.mean()) * np.sqrt(count / (count - 1))
        found[name] = of_draws(value, value + moves)
    return found


def rows(
    found: Mapping[str, Estimate], floors: Mapping[str, float], value: str = "mean"
) -> dict[str, Any]:
    """Returns the entries of a metric's row: the figure named `value`, and the others as levels.

    Args:
      found: figures by name. floors: the same between two sets of real images.
    """
    row: dict[str, Any] = {**found[value]._asdict(), "floor": floors.get(value)}
    if rest := [name for name in found if name != value]:
        row["levels"] = {name: found[name].value for name in rest}
        row["bounds"] = {
            name: {"low": found[name].low, "high": found[name].high, "floor": floors.get(name)}
            for name in rest
        }
    return row


def proportion(hits: int, n: int) -> Estimate:
    """Returns the share of n independent trials that hit, with Clopper and Pearson's interval.

    Its ends are shares too, 0 and 1 at most (Clopper & Pearson 1934): the interval of Student's t
    exceeds them where all or almost all trials hit.
    """
    from scipy.special import betaincinv  # slow to import

    tail, share = (1 - LEVEL) / 2, hits / n
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Estimate(share, float(np.sqrt(share * (1 - share) / n)), low, high)
