"""Inception Score (Salimans et al. 2016); more is better; needs --features=inception:FILE

exp of the mean divergence of the classes of a sample from those of all, KL(p(y|x) || p(y)), by the
1008 classes of FID's Inception, whose logits are taken without their bias, as the authors do. The
mean of ten parts of the samples in their order, and its standard error by their deviation; `parts'
deviation`, that deviation itself, is what publications print after a plus and a minus. Real images
do not enter the figure: its floor is their own score, which samples may fall short of or, as it is
no distance, exceed. The score of fewer than 5,000 samples a part is too low; compare at equal n.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.features import inception
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.runtime.errors import UserError

SPLITS = 10


def check(subject: Subject) -> None:
    """Refuses a network without the classes of the score, or too few images.

    Raises:
      UserError: the reason, in one line.
    """
    if not subject.net.startswith("inception:"):
        raise UserError(
            "--metrics=is: the Inception Score is of FID's Inception; give its file, as "
            f"--features=inception:/path/of/{inception.FILE}"
        )
    subject.check_features("is", 2 * SPLITS)


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    del subject
    return ("parts' deviation",)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the score, its interval, and that of the real images."""
    real, fake = (each @ subject.features.classifier for each in subject.seen)
    scores = parts(fake)
    found = {
        "score": uncertainty.of_seeds(scores, 1.0, float(fake.shape[1])),
        "parts' deviation": Estimate(float(scores.std())),
    }
    protocol = {
        "n": len(fake),
        "parts": SPLITS,
        "split": subject.split,
        **subject.features.protocol,
        "floor_n": len(real),
    }
    floors = {"score": float(parts(real).mean())}
    return {**uncertainty.rows(found, floors, "score"), "protocol": protocol}


def parts(logits: np.ndarray, splits: int = SPLITS) -> np.ndarray:
    """Computes the score of each of `splits` parts of logits (N, classes), in their order."""
    return np.array([score(each) for each in np.array_split(logits, splits)])


def score(logits: np.ndarray) -> float:
    """Computes exp of the mean KL(p(y|x) || p(y)) of logits (N, classes), in float64."""
    from scipy.special import log_softmax, logsumexp  # slow to import

    each = log_softmax(logits.astype(np.float64), axis=1)
    whole = logsumexp(each, axis=0) - np.log(len(each))
    return float(np.exp((np.exp(each) * (each - whole)).sum(axis=1).mean()))
