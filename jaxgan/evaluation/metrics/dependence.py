"""distances between translations over those of their pictures: 0 ignores them; needs two domains

The mean distance between two translations over that between the two pictures (root mean square over
pixels and channels): near 0, the translator shows much the same whatever it is given, as without a
cycle term; 1 keeps all differences. `color` is how far a picture's mean color moves, |mean there(x)
- mean x| over channels, in [-1, 1], which the identity term of CycleGAN keeps small (Zhu et al.
2017, https://arxiv.org/abs/1703.10593, section 5.2).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation import translations, uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.runtime.errors import UserError


def check(subject: Subject) -> None:
    """Refuses a run that does not translate.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_translates("dependence", back=False)
    _ = subject.source


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures, where both domains have as many channels."""
    return ("color",) if subject.spec.shape[-1] == subject.spec.other[-1] else ()


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the ratio of mean distances and the mean shift of color, and their intervals.

    Raises:
      UserError: pictures of which no two differ.
    """
    found = translations.measured(
        subject.restored,
        subject.direction,
        subject.columns,
        lambda there, back, x, keys: {"x": x, "y": there(x)},
    )
    x, y = found["x"], found["y"]
    apart = distances(x)
    if not apart.any():
        raise UserError(f"--metrics=dependence: no two of {len(x)} pictures differ; evaluate more")
    estimates: dict[str, Estimate] = {"dependence": ratio(distances(y), apart, subject.seed)}
    if x.shape[-1] == y.shape[-1]:
        estimates["color"] = translations.estimate(shifts(x, y), subject.seed)
    return {
        **uncertainty.rows(estimates, {}, "dependence"),
        "protocol": {
            "unit": "ratio of root mean squares; color in L1 of [-1, 1]",
            "n": len(x),
            "split": subject.split,
        },
    }


def distances(images: np.ndarray) -> np.ndarray:
    """Computes the root mean square difference of each two images (N, H, W, C): (N, N)."""
    from scipy.spatial.distance import pdist, squareform  # slow to import

    flat = images.reshape(len(images), -1).astype(np.float64)
    return squareform(pdist(flat)) / np.sqrt(flat.shape[1])


def ratio(of: np.ndarray, to: np.ndarray, seed: int) -> Estimate:
    """Bootstraps the ratio of the means of two matrices of distances (N, N) between the same."""
    n = len(of)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), uncertainty.DRAWS)
    # An image drawn twice is at distance 0 from itself in both, which the ratio does not see. Of
    # few images some draws have nothing else, and no ratio.
    over, under = (((counts @ each) * counts).sum(1) for each in (of, to))
    draws = over[under > 0] / under[under > 0]
    return uncertainty.of_draws(of.sum() / to.sum(), draws)


def shifts(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Computes how far each image's mean color moves, averaged over channels: (N,)."""
    moved: np.ndarray = np.abs(y.mean(axis=(1, 2)) - x.mean(axis=(1, 2))).mean(axis=1)
    return moved
