"""How far a figure would move over other draws: bootstrap intervals, and those of proportions.

Every interval is of 95 %. That of a metric is over draws of samples and of as many real images,
with the run's weights and the data as they are. Seeds of training are in no figure of one run;
`over_seeds` and `of_seeds` are for several.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.training.replicas import interval

DRAWS = 1000  # of a bootstrap
LEVEL = 0.95
PARTS = 20  # of the samples, where a figure is too slow to be computed for each draw
LEAST = 5  # samples of a part
SPLITS = 20  # into halves, where a figure of copies of items would be another

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

    def moved(self, value: float) -> "Estimate":
        """Returns the estimate with its interval, around a value computed more exactly."""
        shift = value - self.value
        return Estimate(value, self.std, self.low + shift, self.high + shift)

    def bounded(self, least: float, most: float) -> "Estimate":
        """Returns the estimate with an interval within what the figure can be."""
        return self._replace(low=max(least, self.low), high=min(most, self.high))


class Bootstrapped(Estimate):
    """An estimate that keeps the draws (B,) it was made of, which a comparison pairs with others.

    Two figures whose bootstraps have one seed and sets of the same sizes resample the same items in
    each draw.
    """

    draws: np.ndarray

    def scaled(self, unit: float) -> "Estimate":
        """Returns the estimate in another unit, of which one of this is `unit`."""
        return with_draws(super().scaled(unit), unit * self.draws)

    def moved(self, value: float) -> "Estimate":
        """Returns the estimate and its draws around another value."""
        return with_draws(super().moved(value), self.draws + value - self.value)

    def bounded(self, least: float, most: float) -> "Estimate":
        """Returns the estimate with an interval within bounds, and the draws as they are."""
        return with_draws(Estimate(*self).bounded(least, most), self.draws)

    def _asdict(self) -> dict[str, Any]:
        """Returns the estimate by name, and its draws, which run.py leaves out of rows."""
        return super()._asdict() | {"draws": self.draws}


def with_draws(estimate: Estimate, draws: np.ndarray) -> Bootstrapped:
    """Returns an estimate that keeps `draws` (B,)."""
    found = Bootstrapped(*estimate)
    found.draws = draws
    return found


def of_draws(value: float, draws: np.ndarray) -> Bootstrapped:
    """Builds the estimate of a figure of which a bootstrap made `draws` (B,)."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    found = Estimate(float(value), float(draws.std(ddof=1)), float(low), float(high))
    return with_draws(found, draws)


def of_items(values: np.ndarray, figure: Callable[[np.ndarray], float], seed: int) -> Bootstrapped:
    """Bootstraps a figure of one number per sample, `figure(values)` of (N,)."""
    rng = np.random.default_rng(seed)
    draws = [figure(values[rng.integers(len(values), size=len(values))]) for _ in range(DRAWS)]
    return of_draws(figure(values), np.array(draws))


def resampled(values: np.ndarray, seed: int) -> np.ndarray:
    """Bootstraps the mean of values (N,): (DRAWS,)."""
    return of_items(values, lambda each: float(each.mean()), seed).draws


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
    share = hits / n
    return Estimate(share, math.sqrt(share * (1 - share) / n), *_clopper_pearson(share, n))


def over_seeds(shares: np.ndarray, n: int) -> Estimate:
    """Returns the mean over seeds of shares (S,) of n trials each, with an interval in [0, 1].

    Trials of one seed resemble each other, so the interval is that of `proportion` for fewer
    trials: as many as vary by themselves as the seeds do (Korn & Graubard 1998, Survey Methodology
    24, 193-201). Of seeds that are all alike it is that of all trials.
    """
    from scipy.special import stdtrit  # slow to import

    count, mean = len(shares), float(np.mean(shares))
    std = float(np.std(shares, ddof=1)) / math.sqrt(count) if count > 1 else 0.0
    trials = float(count * n)
    if std:
        few = stdtrit(trials - 1, (1 + LEVEL) / 2) / stdtrit(count - 1, (1 + LEVEL) / 2)
        trials = min(trials, mean * (1 - mean) / std**2) * few**2
    return Estimate(mean, std, *_clopper_pearson(mean, trials))


def of_seeds(values: np.ndarray, least: float, most: float) -> Estimate:
    """Returns the mean over seeds of values (S,) and the interval of Student's t, within bounds."""
    mean, half = interval(values)
    std = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Estimate(mean, std, max(least, mean - half), min(most, mean + half))


def _clopper_pearson(share: float, n: float) -> tuple[float, float]:
    """Returns the ends of the exact interval of a share of n trials, of which n may be no integer.

    By the quantiles of beta distributions; 0 and 1 where none or all hit.
    """
    from scipy.special import betaincinv  # slow to import

    tail, hits = (1 - LEVEL) / 2, share * n
    low = float(betaincinv(hits, n - hits + 1, tail)) if share > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if share < 1 else 1.0
    return low, high


def of_halves(
    figures: Callable[[Any, Any], Mapping[str, float]],
    real: np.ndarray,
    fake: np.ndarray,
    seed: int,
    share: float = 0.0,
    prepare: Callable[[np.ndarray], Any] = lambda items: items,
) -> dict[str, Estimate]:
    """Estimates the spread of figures of two sets (N, ...) by their values on halves of both.

    Drawn without replacement, half of a set varies around it as it varies around all there is, and
    no item is in it twice: resampled with replacement, distances between sets have the noise of
    their copies, and neighbors are at distance 0. Each draw splits both sets into A and B and takes
    all four pairs of halves. What changes its sign with A and B is linear in the items; what does
    not is quadratic, such as the noise of a distance near 0, which shows in the linear part once
    more, doubled, and is subtracted there. Only spreads are used: the mean of a figure of fewer
    items is another. The interval is a good one far from 0, and near it up to a third too wide.

    Args:
      figures: (real items, samples) -> figures by name, of sets as `prepare` makes them.
      real, fake: (M, ...) and (N, ...), each at least 4.
      seed: of the splits.
      share: of all real items that `real` is; of a set that cannot be redrawn otherwise, 1, only
        the samples vary.
      prepare: what each set, and half of one, is prepared by, once.

    Returns:
      By name; the interval is Student's t of as many degrees of freedom as there are splits but 1.
    """
    rng = np.random.default_rng(seed)
    table: dict[str, list[tuple[float, ...]]] = {}
    for _ in range(SPLITS):
        (a, b), (c, d) = (_split(len(each), rng) for each in (real, fake))
        a, b, c, d = (prepare(x) for x in (real[a], real[b], fake[c], fake[d]))
        cells = [figures(x, y) for x, y in ((a, c), (a, d), (b, c), (b, d))]
        for name in cells[0]:
            table.setdefault(name, []).append(tuple(cell[name] for cell in cells))
    whole = figures(prepare(real), prepare(fake))
    moves = rng.standard_normal((3, DRAWS, SPLITS)) / math.sqrt(SPLITS - 1)
    return {
        name: _of_cells(value, np.array(table[name]), share, moves) for name, value in whole.items()
    }


def _split(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns the indices of two random halves of n items, of which an odd one is in neither."""
    order = rng.permutation(n)[: n // 2 * 2]
    return order[: n // 2], order[n // 2 :]


def _of_cells(value: float, cells: np.ndarray, share: float, moves: np.ndarray) -> Bootstrapped:
    """Builds the estimate of a figure that is `cells` (SPLITS, 4) on the pairs of halves.

    Its draws are random sums of what the splits show, by `moves` (3, DRAWS, SPLITS) for what is
    linear, of both sets, and of one. Two figures of one seed and sets of the same sizes have the
    same splits and moves.
    """
    from scipy.special import stdtrit  # slow to import

    signs = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1], [1, 1, 1, 1]])
    parts = signs @ cells.T / 4
    parts -= parts.mean(axis=1, keepdims=True)
    of_real, of_fake, cross, even = parts.var(axis=1, ddof=1)
    rest = 1 - share
    # Of `even`, half is taken for each set's.
    noise = (1 + rest) * even + 2 * rest * cross
    total = rest * of_real + of_fake
    own = max(0.0, 1 - noise / total) if total else 0.0
    weights = np.sqrt([own * rest, own, rest, (1 + rest**2) / 2])
    std = float(np.sqrt(weights**2 @ [of_real, of_fake, cross, even]))
    half = float(stdtrit(len(cells) - 1, (1 + LEVEL) / 2)) * std
    linear_real, linear_fake, both, one = weights[:, None] * parts
    draws = moves[0] @ (linear_real + linear_fake) + moves[1] @ both + moves[2] @ one
    found = Estimate(float(value), std, float(value) - half, float(value) + half)
    return with_draws(found, value + draws)
