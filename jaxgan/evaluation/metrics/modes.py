"""modes of a mixture that samples cover; levels: high_quality, reverse_kl; needs ring or grid

As evaluation/mode_coverage.py defines them: a mode is covered by a tenth of the points that the
data have there, `high_quality` is the share of points within three standard deviations of a mode,
and `reverse_kl` that of the points' shares of modes to equal ones, in nats. Intervals are
bootstraps over points, that of a share Clopper and Pearson's; the floor is what real points have.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.data.sources import toy
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.mode_coverage import SHARE, counts, figures
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.runtime.errors import UserError

LEAST = 100  # points


def check(subject: Subject) -> None:
    """Refuses data whose modes are not known, or too few points.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_run("modes", "counts the modes of a run's data")
    if subject.reference:
        raise UserError("--metrics=modes: the modes are those of the run's data; leave out --real")
    name = subject.record.config["data"]["name"]
    if not len(toy.modes(name)[0]):
        raise UserError(
            f"--metrics=modes: the data, {name}, are no mixture of known modes; ring and grid are"
        )
    _ = subject.source
    if subject.size < LEAST:
        raise UserError(f"--n={subject.size}: modes needs at least {LEAST} points")


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    del subject
    return ("high_quality", "reverse_kl")


def compute(subject: Subject) -> dict[str, Any]:
    """Counts the modes that samples cover, and their interval, and those of real points."""
    centers, std = toy.modes(subject.record.config["data"]["name"])
    real, fake = subject.pair
    found = estimates(fake, centers, std, subject.seed)
    floors = {name: each.value for name, each in estimates(real, centers, std, 0).items()}
    protocol = {
        "n": len(fake),
        "split": subject.split,
        "of": len(centers),
        "covered": f"from {SHARE:g} of an equal share of points",
        "high_quality": "within 3 standard deviations",
    }
    return {**uncertainty.rows(found, floors, "modes"), "protocol": protocol}


def estimates(
    points: np.ndarray, centers: np.ndarray, std: float, seed: int
) -> dict[str, Estimate]:
    """Bootstraps the figures of points (N, 2) against modes at centers (K, 2).

    They depend on how many points are nearest to each mode, and near it, alone.
    """
    found = counts(points, centers, std)
    cells = np.concatenate([found.good, found.all - found.good])
    drawn = np.random.default_rng(seed).multinomial(
        len(points), cells / len(points), uncertainty.DRAWS
    )
    good, far = np.split(drawn, 2, axis=1)
    draws = [figures(type(found)(*pair)) for pair in zip(good, good + far, strict=True)]

    modes = np.array([each["modes"] for each in draws])
    kl = np.array([each["reverse_kl"] for each in draws])
    value = figures(found)["reverse_kl"]
    # Counts that are drawn anew are more unequal than those they are drawn from: only their spread
    # is used.
    divergence = uncertainty.of_draws(value, np.maximum(0, value + kl - kl.mean()))
    return {
        "modes": uncertainty.of_draws(figures(found)["modes"], modes),
        "high_quality": uncertainty.proportion(int(found.good.sum()), len(points)),
        "reverse_kl": divergence,
    }
