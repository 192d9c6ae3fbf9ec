"""Frechet distance (Heusel et al. 2017) of --features; less is better; Inception's is FID

|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of the means and covariances of features, which are added
up in float64. With FID's Inception, whose resizer is then FID's too, it is named `fid`; on another
network's features it is of another scale.

The figure of few samples is too large, by about as much as its floor, and by most where they are
fewer than features: compare figures of equal n only. Its interval is that of such figures, not of
their limit. It is estimated by halves (uncertainty.of_halves), since a bootstrap with replacement
would measure the distance of sets with copies, whose covariances have other ranks.
"""

import functools
import sys
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject

LEAST = 8  # samples, and real images

_ROWS = 1000  # of features that are held in float64 at once


class Moments(NamedTuple):
    """The number of items added up, their mean (D,), and their squared deviations (D, D)."""

    n: int
    mean: np.ndarray
    squares: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance (D, D)."""
        return self.squares / (self.n - 1)


def check(subject: Subject) -> None:
    """Refuses a run without the feature network's weights, or with too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_features("fd", LEAST)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the distance, its interval, and the distance of two sets of real images."""
    (real, fake), (a, b) = subject.seen, subject.seen_halves
    warn_of_few(len(fake), subject.features.dims, "fd")
    found = estimate(real, fake, subject.seed, subject.share)
    protocol = {
        "n": len(fake),
        "split": subject.split,
        **subject.features.protocol,
        "dims": subject.features.dims,
        "floor_n": len(a),
    }
    name = subject.features.published.get("fd", "fd")
    floor = frechet(moments(a), moments(b))
    return {"metric": name, **found._asdict(), "floor": floor, "protocol": protocol}


def warn_of_few(n: int, dims: int, metric: str) -> None:
    """Says on stderr that a covariance of fewer items than features has not its rank."""
    if n < dims:
        print(
            f"warning: {metric}: {n} samples for covariances of {dims} features: the figure is far "
            "above that of many samples; compare it at equal n only",
            file=sys.stderr,
        )


def moments(features: np.ndarray) -> Moments:
    """Computes the moments of features (N, D) in float64, some rows at a time."""
    d = features.shape[1]
    total = Moments(0, np.zeros(d), np.zeros((d, d)))
    for start in range(0, len(features), _ROWS):
        rows = features[start : start + _ROWS].astype(np.float64)
        mean = rows.mean(axis=0)
        rows -= mean
        total = joined(total, Moments(len(rows), mean, rows.T @ rows))
    return total


def joined(a: Moments, b: Moments) -> Moments:
    """Returns the moments of two sets together (Chan et al. 1979)."""
    n, shift = a.n + b.n, b.mean - a.mean
    squares = a.squares + b.squares + np.outer(shift, shift) * (a.n * b.n / n)
    return Moments(n, a.mean + shift * (b.n / n), squares)


def frechet(a: Moments, b: Moments) -> float:
    """Computes the squared Frechet distance of Gaussians with these moments.

    The trace of (S S')^(1/2) is the sum of the singular values of R R'^T for any roots S = R^T R.
    They have an absolute error of rounding, where a square root of eigenvalues would have its root.
    """
    from scipy.linalg import svdvals  # slow to import

    shift = a.mean - b.mean
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    with _one_thread():
        product = _root(a.covariance) @ _root(b.covariance).T
        return float(shift @ shift + traces - 2 * svdvals(product).sum())


def estimate(
    real: np.ndarray, fake: np.ndarray, seed: int, share: float = 0.0
) -> uncertainty.Estimate:
    """Computes the distance of features (M, D) and (N, D), its standard error and interval."""
    found = uncertainty.of_halves(
        lambda x, y: {"fd": quick(x, y)}, real, fake, seed, share, prepare=small
    )
    return found["fd"].moved(frechet(moments(real), moments(fake)))


class Small(NamedTuple):
    """A mean (D,) and a root (R, D) of the covariance, S = R^T R, R at most D and the items."""

    mean: np.ndarray
    root: np.ndarray


def small(features: np.ndarray) -> Small:
    """Returns the mean of features (N, D) and a root of their covariance."""
    x = features.astype(np.float64)
    mean = x.mean(axis=0)
    x = (x - mean) / np.sqrt(len(x) - 1)
    if len(x) <= x.shape[1]:
        return Small(mean, x)
    covariance = x.T @ x
    tiny = 1e-10 * np.trace(covariance) / len(covariance)  # features that are always 0 have a root
    with _one_thread():
        return Small(mean, np.linalg.cholesky(covariance + tiny * np.eye(len(covariance))).T)


def quick(x: Small, y: Small) -> float:
    """Computes the distance by a matrix no larger than the smaller root.

    To about 1e-5 of the traces, which is enough for a spread.
    """
    shift, (a, b) = x.mean - y.mean, sorted((x.root, y.root), key=len)
    product = a @ b.T
    with _one_thread():
        values = np.linalg.eigvalsh(product @ product.T)
    root = np.sqrt(np.maximum(values, 0)).sum()
    return float(shift @ shift + (a**2).sum() + (b**2).sum() - 2 * root)


def _one_thread() -> AbstractContextManager[Any]:
    """Limits decompositions to a thread: two that share a busy core with others take 40 times."""
    return _pools().limit(limits=1, user_api="blas")


@functools.cache
def _pools() -> ThreadpoolController:
    """Finds the libraries of numpy and scipy, which takes longer than a small decomposition."""
    import scipy.linalg  # or its library would not be found

    del scipy
    return ThreadpoolController()


def _root(covariance: np.ndarray) -> np.ndarray:
    """Returns R with R^T R = S; of eigenvalues that rounding made negative, 0."""
    values, vectors = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
