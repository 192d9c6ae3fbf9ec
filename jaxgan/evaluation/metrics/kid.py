"""kernel distance (Binkowski et al. 2018) of EfficientNet-Lite0's features, x 1000; less is better

KID proper is this estimator on Inception's features (section 4); on another network's it is of
another scale.
"""

from typing import Any

import numpy as np

from jaxgan.evaluation.features import extract
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError

SUBSETS = 100
SIZE = 1000  # of a subset, at most


def check(subject: Subject) -> None:
    """Refuses a run without the feature network's weights, or with too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_images()
    _ = subject.features, subject.source
    size(subject.size, subject.size)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the mean and standard deviation over subsets, x 1000."""
    real, fake = (
        extract.extract(subject.features, images, f"kid: {name}")
        for name, images in zip(("real", "samples"), subject.pair, strict=True)
    )
    mean, std = kid(real, fake, subject.seed)
    protocol = {
        "unit": 1e-3,
        "n": len(fake),
        "split": subject.split,
        "resize": extract.RESIZE,
        "features": f"{extract.NAME} {extract.SHA256[:8]}",
        "subsets": f"{SUBSETS} of {size(len(real), len(fake))}",
    }
    return {"value": 1000 * mean, "std": 1000 * std, "protocol": protocol}


def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Computes k(x, y) = (x . y / d + 1)^3 of rows (M, d) and (N, d): (M, N) float64."""
    return (x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3


def mmd2(x: np.ndarray, y: np.ndarray) -> float:
    """Computes the unbiased estimate of MMD^2 of features (M, d) and (N, d), M and N at least 2.

    Its expectation is 0 for sets of one distribution, so a single value may be negative.
    """
    m, n = len(x), len(y)
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2 * xy.mean())


def kid(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    """Computes the mean and standard deviation of `mmd2` over 100 pairs of random subsets.

    Args:
      x, y: features (M, d) and (N, d), M and N at least 4.
      seed: determines the subsets, which are drawn without replacement, of `size(M, N)` rows.

    Raises:
      UserError: too few features.
    """
    rng, rows = np.random.default_rng(seed), size(len(x), len(y))
    values = [
        mmd2(*(each[rng.choice(len(each), rows, replace=False)] for each in (x, y)))
        for _ in range(SUBSETS)
    ]
    return float(np.mean(values)), float(np.std(values))


def size(m: int, n: int) -> int:
    """Returns the rows of a subset: 1000, or half of the smaller set where that is less.

    Subsets as large as the set would all be equal and hide the figure's uncertainty.

    Raises:
      UserError: a set has fewer than 4.
    """
    if min(m, n) < 4:
        raise UserError(f"--n={min(m, n)}: kid needs at least 4 samples and reals")
    return min(SIZE, m // 2, n // 2)
