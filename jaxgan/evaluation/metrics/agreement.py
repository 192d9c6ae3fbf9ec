"""samples that show the requested class, in %, and their spread within classes; needs labels

A support vector machine learns the classes from the run's own images or points; `held-out` is its
accuracy, in %, on a fifth of them that it did not see, before it learns from all: samples as good
as the data agree about as often, so it stands as agreement's floor. `spread` is the mean distance
of two samples of a class, in pixels, over that of two real images of it, averaged over classes; 1
is as varied as the data, and a generator that draws one picture of each class has 0. Of an InfoGAN,
whose categories have no names, agreement is under the best assignment of categories to classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.core.inputs import Code
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.generation import sample
from jaxgan.runtime.errors import UserError

LEARNED = 10_000  # real images the classifier learns from, at most
HELD_OUT = 5  # one in so many is held out for its accuracy
FEW = 10  # images of a class, below which its spread is left out
PENALTY = 10.0  # the classifier's C


def check(subject: Subject) -> None:
    """Refuses a run whose samples take no label, or whose data have none.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_run("agreement", "asks a generator for classes")
    if subject.spec.classes < 2:
        raise UserError("--metrics=agreement: the run's data have no labels")
    if subject.reference and not subject.labeled:
        raise UserError(
            f"--metrics=agreement: --real={subject.reference} has not the classes of the run's own "
            "data; leave out --real"
        )
    if not any(field.column == "label" for field in subject.game.inputs.values()):
        raise UserError("--metrics=agreement: the run's samples take no label; it is unconditional")
    _ = subject.source


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    del subject
    return ("held-out", "spread")


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the share of samples classified as requested, x 100, and their spread."""
    labels, (real, fake) = subject.columns["label"], subject.pair
    learned = subject.real(min(LEARNED, subject.source.size))
    predict, held_out = classifier(learned["image"], learned["label"], subject.seed)
    if code := next((f for f in subject.game.inputs.values() if isinstance(f, Code)), None):
        categories = np.arange(len(fake)) % code.categories
        own = {"label": categories.astype(np.int32)}
        fake, _ = sample.draw(subject.game, subject.state, len(fake), subject.seed, own)
        requested = assigned(categories, predict(fake))
    else:
        requested = labels
    hits = predict(fake) == requested
    protocol = {
        "unit": "%",
        "n": len(fake),
        "split": subject.split,
        "classifier": f"SVC on pixels, C {PENALTY:g}, of {len(learned['label'])}",
    }
    share = uncertainty.proportion(int(hits.sum()), len(hits))
    found = {
        "agreement": uncertainty.with_draws(
            share.scaled(100), uncertainty.resampled(100.0 * hits, subject.seed)
        ),
        "held-out": uncertainty.proportion(*held_out).scaled(100),
        "spread": of_spread(real, labels, fake, requested, subject.seed),
    }
    half = np.random.default_rng(subject.seed).permutation(len(labels)) % 2 == 0
    floors = {
        "agreement": found["held-out"].value,
        "spread": spread(real[half], labels[half], real[~half], labels[~half]),
    }
    return {**uncertainty.rows(found, floors, "agreement"), "protocol": protocol}


def classifier(images: np.ndarray, labels: np.ndarray, seed: int) -> tuple[Any, tuple[int, int]]:
    """Trains a classifier of images (N, ...), and measures its accuracy on those held out.

    Returns:
      images (M, ...) -> labels (M,), learned from all images; how many of those held out it told
      right before, and their number.
    """
    from sklearn.svm import SVC  # takes a second to import

    def fit(rows: np.ndarray) -> Any:
        return SVC(C=PENALTY).fit(flat(images[rows]), labels[rows])

    order = np.random.default_rng(seed).permutation(len(images))
    out, rest = np.split(order, [max(1, len(order) // HELD_OUT)])
    right = int(np.sum(fit(rest).predict(flat(images[out])) == labels[out]))
    machine = fit(order)
    return lambda each: machine.predict(flat(each)), (right, len(out))


def spread(real: np.ndarray, labels: np.ndarray, fake: np.ndarray, requested: np.ndarray) -> float:
    """Computes the mean over classes of the samples' mean distance over the real images'.

    Args:
      real, labels: images (N, ...) and classes (N,). fake, requested: samples' (M, ...) and (M,).

    Returns:
      The mean over classes with at least 10 of both; NaN where there are none.
    """
    ratios = [distance(b) / distance(a) for a, b in of_classes(real, labels, fake, requested)]
    return float(np.mean(ratios)) if ratios else float("nan")


def of_spread(
    real: np.ndarray, labels: np.ndarray, fake: np.ndarray, requested: np.ndarray, seed: int
) -> Estimate:
    """Bootstraps `spread` within classes."""
    rng, ratios = np.random.default_rng(seed), []
    for pair in of_classes(real, labels, fake, requested):
        below, above = (_resampled(pairwise(images), rng) for images in pair)
        ratios.append(above / below)
    value = spread(real, labels, fake, requested)
    return uncertainty.of_draws(value, np.mean(ratios, axis=0)) if ratios else Estimate(value)


def of_classes(
    real: np.ndarray, labels: np.ndarray, fake: np.ndarray, requested: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the real images and samples of each class that has at least 10 of both."""
    pairs = [(real[labels == k], fake[requested == k]) for k in np.unique(labels)]
    return [pair for pair in pairs if min(map(len, pair)) >= FEW]


def distance(images: np.ndarray) -> float:
    """Computes the mean Euclidean distance of two different images of (N, ...), N at least 2."""
    n = len(images)
    return float(pairwise(images).sum() / (n * (n - 1)))


def pairwise(images: np.ndarray) -> np.ndarray:
    """Computes the Euclidean distances (N, N) of images (N, ...)."""
    x = flat(images)
    squares = (x**2).sum(axis=1)
    pairs = np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0)
    np.fill_diagonal(pairs, 0)  # rounding leaves a little
    distances: np.ndarray = np.sqrt(pairs)
    return distances


def _resampled(distances: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Bootstraps the mean of distances (N, N) of different images; an image is no pair with itself.

    Returns:
      (DRAWS,) means.
    """
    n = len(distances)
    times = rng.multinomial(n, np.full(n, 1 / n), uncertainty.DRAWS).T.astype(np.float64)
    total: np.ndarray = (times * (distances @ times)).sum(axis=0)
    return total / (n**2 - (times**2).sum(axis=0))


def assigned(categories: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Returns each sample's class (N,) under the assignment of categories that agrees most.

    Categories beyond the number of classes are -1.
    """
    from scipy.optimize import linear_sum_assignment

    counts = np.zeros((categories.max() + 1, predicted.max() + 1), int)
    np.add.at(counts, (categories, predicted), 1)
    of = np.full(len(counts), -1)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    of[rows] = columns
    assigned_classes: np.ndarray = of[categories]
    return assigned_classes


def flat(images: np.ndarray) -> np.ndarray:
    """Returns images (N, ...) as rows of numbers in [0, 1], points as they are, (N, D)."""
    return images.reshape(len(images), -1) / (255 if images.dtype == np.uint8 else 1)
