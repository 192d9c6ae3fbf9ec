"""Kernel distance of two sets of features (Binkowski et al. 2018, section 4): KID's estimator.

KID proper is this on Inception's features; on another net's it is of another scale.
"""

import numpy as np

from jaxgan.runtime.errors import UserError

SUBSETS = 100
SIZE = 1000  # of a subset, at most


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """k(x, y) = (x . y / d + 1)^3 of rows (M, d) and (N, d): (M, N) float64."""
    return (x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of MMD^2 of features (M, d) and (N, d), M and N at least 2.

    Its expectation is 0 for sets of one distribution, so a single value may be negative.
    """
    m, n = len(x), len(y)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * xy.mean())


def kid(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of `mmd2` over 100 pairs of random subsets.

    Args:
      x, y: features (M, d) and (N, d), M and N at least 4.
      seed: settles the subsets, which are drawn without replacement, of `size(M, N)` rows.

    Raises:
      UserError: too few features.
    """
    rng, many = np.random.default_rng(seed), size(len(x), len(y))
    values = [
        mmd2(*(rows[rng.choice(len(rows), many, replace=False)] for rows in (x, y)))
        for _ in range(SUBSETS)
    ]
    return float(np.mean(values)), float(np.std(values))


def size(m: int, n: int) -> int:
    """Rows of a subset: 1000, or half of the smaller set where that is less.

    Subsets of a whole set would all be equal and hide how uncertain the figure is.

    Raises:
      UserError: a set has fewer than 4.
    """
    if min(m, n) < 4:
        raise UserError(f"--n={min(m, n)}: kid needs at least 4 samples and reals")
    return min(SIZE, m // 2, n // 2)
