"""sliced Wasserstein distance of --features (MIND, Berthet et al. 2026), x 1000; less is better

MIND is the mean over random directions of the squared Wasserstein-2 distance of the two sets'
projections, which sorting pairs (https://arxiv.org/abs/2605.06797). It has neither means nor
covariances, so thousands of samples suffice where a Frechet distance takes tens of thousands, and
equal moments do not deceive it. Here directions are of length 1, uniform on the sphere, and nothing
is multiplied by the number of features. On Inception's features that is MIND, up to the unit that
its authors may have chosen, which could not be looked up.

The distance of two draws from one distribution is not 0 but falls with their number: compare
figures of equal n only. Its interval is by halves, see uncertainty.of_halves.
"""

from typing import Any

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject

DIRECTIONS = 1000
LEAST = 8  # samples, and real images


def check(subject: Subject) -> None:
    """Refuses a run without the feature network's weights, or with too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_features("mind", LEAST)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the distance x 1000, its interval, and the distance of two sets of real images."""
    along = directions(subject.features.dims, subject.seed)
    real, fake = (each @ along for each in subject.seen)
    a, b = (each @ along for each in subject.seen_halves)

    def figure(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
        return {"mind": 1000 * float(squared(x, y).mean())}

    found = uncertainty.of_halves(figure, real, fake, subject.seed, subject.share, prepare=ranked)
    protocol = {
        "unit": 1e-3,
        "n": len(fake),
        "split": subject.split,
        **subject.features.protocol,
        "directions": DIRECTIONS,
        "floor_n": len(a),
    }
    return {**uncertainty.rows(found, figure(ranked(a), ranked(b)), "mind"), "protocol": protocol}


def directions(dims: int, seed: int, count: int = DIRECTIONS) -> np.ndarray:
    """Draws unit vectors (dims, count) uniformly on the sphere, float64."""
    drawn = np.random.default_rng(seed).standard_normal((dims, count))
    return drawn / np.linalg.norm(drawn, axis=0)


def mind(x: np.ndarray, y: np.ndarray, seed: int, count: int = DIRECTIONS) -> float:
    """Computes the mean squared sliced Wasserstein-2 distance of features (M, D) and (N, D)."""
    along = directions(x.shape[1], seed, count)
    return float(squared(ranked(x @ along), ranked(y @ along)).mean())


def ranked(projections: np.ndarray) -> np.ndarray:
    """Sorts each column of (N, P): (P, N), so that what is sorted lies together in memory."""
    return np.sort(projections.T, axis=1)


def squared(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Computes the squared Wasserstein-2 distance (P,) of rows of sorted points (P, M) and (P, N).

    The distance of sorted points of equal rank; where M and N differ, of equal quantile, each over
    the share of both that it lasts.
    """
    m, n = x.shape[1], y.shape[1]
    if m == n:
        return ((x - y) ** 2).mean(axis=1)
    ends = np.union1d(np.arange(1, m + 1) / m, np.arange(1, n + 1) / n)
    widths = np.diff(ends, prepend=0)
    middles = ends - widths / 2
    return (x[:, (middles * m).astype(int)] - y[:, (middles * n).astype(int)]) ** 2 @ widths
