"""mean over classes of the Frechet distance within each; less is better; needs labels

Samples of a class against real images of that class (Miyato & Koyama 2018, section 5): unlike the
distance of all samples from all images, it sees a generator that ignores its label. A class has a
fraction of the images, so its covariances are poorer still than those of fd: compare figures of
equal n only, and with the floor. `worst` is the largest of a class. Intervals are by halves of each
class, see uncertainty.of_halves.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.core.inputs import Code
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.metrics import fd
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.runtime.errors import UserError

LEAST = 20  # real images, and samples, of a class


def check(subject: Subject) -> None:
    """Refuses a run whose samples take no label, and a class of too few images.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_run("intra_fd", "asks a generator for classes")
    if subject.reference and not subject.labeled:
        raise UserError(
            f"--metrics=intra_fd: --real={subject.reference} has not the classes of the run's own "
            "data; leave out --real"
        )
    if subject.spec.classes < 2:
        raise UserError("--metrics=intra_fd: the run's data have no labels; fd needs none")
    fields = subject.game.inputs.values()
    if not any(field.column == "label" and not isinstance(field, Code) for field in fields):
        raise UserError("--metrics=intra_fd: the run's samples take no label; fd needs none")
    subject.check_features("intra_fd", LEAST)
    counts = np.bincount(subject.columns["label"], minlength=subject.spec.classes)
    if counts.min() < LEAST:
        raise UserError(
            f"--n={subject.size}: class {counts.argmin()} has {counts.min()} of the real images "
            f"compared, intra_fd needs {LEAST} of each; give a larger --n, or data with more"
        )


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    del subject
    return ("worst",)


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the mean over classes, its interval, and that of two halves of the real images."""
    labels, (real, fake) = subject.columns["label"], subject.seen
    fd.warn_of_few(int(np.bincount(labels).min()), subject.features.dims, "intra_fd")
    found = {
        k: fd.estimate(real[labels == k], fake[labels == k], subject.seed, subject.share)
        for k in np.unique(labels)
    }
    worst = max(found.values(), key=lambda each: each.value)
    protocol = {
        "n": len(fake),
        "least_n": int(np.bincount(labels).min()),
        "classes": len(found),
        "split": subject.split,
        **subject.features.protocol,
        "dims": subject.features.dims,
        "floor_n": len(fake) // 2,
    }
    floors = {"mean": floor(real, labels, subject.seed)}
    both = {"mean": mean(list(found.values())), "worst": worst}
    return {**uncertainty.rows(both, floors), "protocol": protocol}


def mean(found: list[Estimate]) -> Estimate:
    """Returns the mean of independent estimates, whose interval is a normal distribution's."""
    value = float(np.mean([each.value for each in found]))
    std = float(np.sqrt(np.sum([each.std**2 for each in found])) / len(found))
    return Estimate(value, std, value - 1.96 * std, value + 1.96 * std)


def floor(real: np.ndarray, labels: np.ndarray, seed: int) -> float:
    """Computes the mean over classes of the distance of two halves of a class's images (N, D)."""
    rng, found = np.random.default_rng(seed), []
    for k in np.unique(labels):
        a, b = np.array_split(rng.permutation(np.flatnonzero(labels == k)), 2)
        found.append(fd.frechet(fd.moments(real[a]), fd.moments(real[b])))
    return float(np.mean(found))
