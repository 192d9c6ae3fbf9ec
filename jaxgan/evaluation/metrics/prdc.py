"""coverage of real images by samples, 0 to 1; levels: precision, recall, density; more is better

Of balls around each feature vector that reach to its k-th nearest other of its set. `precision` is
the share of samples in a ball of a real image, `recall` that of real images in a ball of a sample
(Kynkaanniemi et al. 2019); `density` is in how many balls of real images a sample is, over k, and
`coverage` the share of real images whose ball has a sample (Naeem et al. 2020). Precision and
density fall where samples are unlike images, recall and coverage where images are missing among
samples. A stray image's ball is large, which raises precision and recall, the others hardly.

Of sets from one distribution the expected coverage is 1 - 2^-k, 0.97; compare figures of equal n
and k. Intervals are by halves, see uncertainty.of_halves, and end where the figure can: at 0 and 1.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject

K = 5
LEAST = 4 * K  # samples, and real images

_ROWS = 1000  # of a matrix of distances that are held at once


def check(subject: Subject) -> None:
    """Refuses a run without the feature network's weights, or with too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_features("prdc", LEAST)


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    del subject
    return ("precision", "recall", "density")


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the four figures, their intervals, and those of two sets of real images."""
    (real, fake), (a, b) = subject.seen, subject.seen_halves
    found = {
        name: each.bounded(0.0, math.inf if name == "density" else 1.0)
        for name, each in uncertainty.of_halves(
            between, real, fake, subject.seed, subject.share, prepare=balls
        ).items()
    }
    protocol = {
        "k": K,
        "n": len(fake),
        "split": subject.split,
        **subject.features.protocol,
        "floor_n": len(a),
    }
    return {**uncertainty.rows(found, prdc(a, b), "coverage"), "protocol": protocol}


class Balls(NamedTuple):
    """Features (N, D), and the squared distance (N,) of each to its k-th nearest other."""

    centers: np.ndarray
    reach: np.ndarray
    k: int


def prdc(real: np.ndarray, fake: np.ndarray, k: int = K) -> dict[str, float]:
    """Computes precision, recall, density and coverage of features.

    Args:
      real, fake: (M, D) and (N, D), M and N above k.
      k: the neighbor that a ball reaches to, itself not counted.
    """
    return between(balls(real, k), balls(fake, k))


def balls(x: np.ndarray, k: int = K) -> Balls:
    """Returns the balls of features (N, D), N above k."""
    parts = []
    for rows, squares in _squares(x, x):
        squares[np.arange(len(squares)), np.arange(len(x))[rows]] = -1  # itself, whatever rounding
        parts.append(np.partition(squares, k, axis=1)[:, k])
    return Balls(x, np.concatenate(parts), k)


def between(real: Balls, fake: Balls) -> dict[str, float]:
    """Computes the figures of `prdc` from balls."""
    found = np.zeros(len(fake.centers), int)
    near, recalled = np.zeros((2, len(real.centers)), bool)
    for rows, squares in _squares(real.centers, fake.centers):
        inside = squares <= real.reach[rows, None]
        found += inside.sum(axis=0)
        near[rows] = inside.any(axis=1)
        recalled[rows] = (squares <= fake.reach).any(axis=1)
    return {
        "precision": float((found > 0).mean()),
        "recall": float(recalled.mean()),
        "density": float(found.mean() / real.k),
        "coverage": float(near.mean()),
    }


def _squares(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields rows of x, and their squared distances (rows, N) to all of y, float64."""
    y = y.astype(np.float64)
    lengths = (y**2).sum(axis=1)
    for start in range(0, len(x), _ROWS):
        part = x[start : start + _ROWS].astype(np.float64)
        squares = (part**2).sum(axis=1)[:, None] + lengths - 2 * part @ y.T
        yield slice(start, start + len(part)), np.maximum(squares, 0)
