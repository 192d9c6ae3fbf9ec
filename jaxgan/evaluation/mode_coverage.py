"""Modes covered, high-quality share and reverse KL of points against a mixture of known centers.

The protocol is VEEGAN's (Srivastava et al. 2017, section 4.1), kept by PacGAN (Lin et al. 2018,
section 4.1): 2,500 points; a point is of high quality when its Euclidean distance to the nearest
center is at most three standard deviations (98.9 % of the data themselves are). Theirs counts a
mode that one such point is nearest to, so that 2,493 points in one mode and a stray one in each
other cover all. Here a mode is covered when it has at least a tenth of the points that the data
have there: the criterion of Zhong et al. 2019 (https://arxiv.org/abs/1902.04697), that the
generator's density be at least a constant share of the data's, on the mass of a mode. The tenth is
a choice of this program.
"""

from typing import NamedTuple

import numpy as np

POINTS = 2500
SHARE = 0.1  # of the points that the data have in a mode


class Counts(NamedTuple):
    """How many points are nearest to each mode (K,): those of high quality, and all."""

    good: np.ndarray
    all: np.ndarray


def quality(points: np.ndarray, centers: np.ndarray, std: float) -> dict[str, float]:
    """Measures points against equally likely isotropic Gaussians.

    Args:
      points: (N, 2). centers: (K, 2), K > 0. std: of each Gaussian, in each coordinate.

    Returns:
      modes: how many have at least SHARE * N / K points of high quality, 0 to K.
      high_quality: the share of high-quality points, 0 to 1.
      reverse_kl: KL(model || uniform) over the modes in nats, from 0 to log K, each point counted
        at its nearest mode whether of high quality or not.
    """
    return figures(counts(points, centers, std))


def counts(points: np.ndarray, centers: np.ndarray, std: float) -> Counts:
    """Counts the points (N, 2) by the mode that they are nearest to."""
    nearest, distance = assign(points, centers)
    of_each = (nearest[distance <= 3 * std], nearest)
    return Counts(*(np.bincount(each, minlength=len(centers)) for each in of_each))


def figures(found: Counts) -> dict[str, float]:
    """Computes the figures of `quality` from counts."""
    n, modes = found.all.sum(), len(found.all)
    share = found.all / n
    held = share[share > 0]
    return {
        "modes": int(np.sum(found.good >= SHARE * n / modes)),
        "high_quality": float(found.good.sum() / n),
        "reverse_kl": float(np.sum(held * np.log(held * modes))),
    }


def assign(points: np.ndarray, centers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the index (N,) of each point's nearest center, and the distance (N,) to it."""
    distances = np.linalg.norm(points[:, None] - centers[None], axis=2)
    nearest = distances.argmin(axis=1)
    return nearest, distances[np.arange(len(points)), nearest]
