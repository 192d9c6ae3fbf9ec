"""kernel distance (Binkowski et al. 2018) of --features, x 1000; less is better

KID proper is this estimator on Inception's features (section 4); on another network's it is of
another scale. It is computed from all samples: the mean over random subsets that is published has
the same expectation, but the standard deviation over those subsets is that of smaller sets, which
share their images. What stands here is the figure's own, by a bootstrap of its Hoeffding terms:
near 0 the resampled statistic itself varies 1.7 times as much as repeated draws do.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate

DRAWS = 400  # of the bootstrap
LEAST = 4  # samples, and real images

_ROWS = 1000  # of a kernel matrix that are held at once


def check(subject: Subject) -> None:
    """Refuses a run without the feature network's weights, or with too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_features("kid", LEAST)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the distance x 1000, its interval, and the distance of two sets of real images."""
    (real, fake), (a, b) = subject.seen, subject.seen_halves
    found = kid(real, fake, subject.seed, subject.share)
    protocol = {
        "unit": 1e-3,
        "n": len(fake),
        "split": subject.split,
        **subject.features.protocol,
        "estimator": "unbiased, of all",
        "floor_n": len(a),
    }
    return {**found.scaled(1000)._asdict(), "floor": 1000 * mmd2(a, b), "protocol": protocol}


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Computes k(x, y) = (x . y / d + 1)^3 of rows (M, d) and (N, d): (M, N) float64."""
    return (x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Computes the unbiased estimate of MMD^2 of features (M, d) and (N, d), M and N at least 2.

    Its expectation is 0 for sets of one distribution, so a single value may be negative.
    """
    m, n = len(x), len(y)
    xx, yy = (sum((k.sum() - k[own].sum()) for k, own in _within(each)) for each in (x, y))
    xy = sum(k.sum() for k in _between(x, y))
    return float(xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n))


def kid(x: np.ndarray, y: np.ndarray, seed: int, share: float = 0.0) -> Estimate:
    """Computes `mmd2`, its standard error and interval.

    Args:
      x, y: features of real images (M, d) and of samples (N, d), M and N at least 4.
      seed: of the bootstrap.
      share: of all real images that x is: of a set that cannot be redrawn otherwise, 1, only the
        samples vary.
    """
    m, n = len(x), len(y)
    rng = np.random.default_rng(seed)
    # How much more often than once each item is drawn, (M, DRAWS) and (N, DRAWS).
    v, w = (rng.multinomial(k, np.full(k, 1 / k), DRAWS).T - 1.0 for k in (m, n))
    mean_x, quadratic_x = _own_terms(x, v)
    mean_y, quadratic_y = _own_terms(y, w)
    products = [(k.mean(axis=1), k.sum(axis=0), k @ w) for k in _between(x, y)]
    rows, columns, moved = zip(*products, strict=True)
    across_x, across_y = np.concatenate(rows), sum(columns) / m
    value = mean_x.mean() + mean_y.mean() - 2 * across_x.mean()
    linear_x = 2 * v.T @ (mean_x - across_x) / m
    linear_y = 2 * w.T @ (mean_y - across_y) / n
    cross = -2 * (v * np.concatenate(moved)).sum(axis=0) / (m * n)
    # The linear terms are means over the other items, whose noise alone varies twice as much as
    # the quadratic terms.
    total = (linear_x + linear_y).var()
    noise = 2 * (quadratic_x + quadratic_y + cross).var()
    own = np.sqrt(max(0.0, 1 - noise / total)) if total else 0.0
    rest = np.sqrt(1 - share)
    draws = own * (rest * linear_x + linear_y) + rest**2 * quadratic_x + quadratic_y + rest * cross
    return uncertainty.of_draws(float(value), value + draws - draws.mean())


def _own_terms(x: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns each item's mean kernel (M,) with the others, and the quadratic terms (DRAWS,).

    Those are sums over pairs of v_i v_j k(x_i, x_j), k centered; the columns of v add up to 0.
    """
    m, means, total = len(x), [], np.zeros(v.shape[1])
    for start, (k, own) in zip(range(0, len(x), _ROWS), _within(x), strict=True):
        k[own] = 0
        means.append(k.sum(axis=1) / (m - 1))
        total += (v[start : start + len(k)] * (k @ v)).sum(axis=0)
    mean = np.concatenate(means)
    total += (v**2 * (2 * mean - mean.mean())[:, None]).sum(axis=0)  # no pair is of one item twice
    return mean, total / (m * (m - 1))


def _within(x: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
    """Yields rows of the kernel matrix of x with itself, and where they meet its diagonal."""
    for start, k in zip(range(0, len(x), _ROWS), _between(x, x), strict=True):
        yield k, (np.arange(len(k)), start + np.arange(len(k)))


def _between(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yields rows of the kernel matrix of x and y."""
    for start in range(0, len(x), _ROWS):
        yield kernel(x[start : start + _ROWS], y)
