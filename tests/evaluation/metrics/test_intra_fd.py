"""The distance within classes, which sees labels that are ignored."""

import featured
import numpy as np
import pytest

from jaxgan.evaluation.metrics import fd, intra_fd
from jaxgan.runtime.errors import UserError

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3


def test_it_is_the_mean_of_the_classes_and_sees_ignored_labels():
    real, same = (RNG.normal(size=(120, 4)) + 5 * LABELS[:, None] for _ in range(2))
    row = intra_fd.compute(featured.subject(real, same, labels=LABELS, classes=3))
    each = [
        fd.frechet(fd.moments(real[k == LABELS]), fd.moments(same[k == LABELS])) for k in range(3)
    ]
    assert row["value"] == pytest.approx(np.mean(each)) and row["low"] < row["value"] < row["high"]
    assert row["levels"]["worst"] == pytest.approx(max(each))
    assert 0 < row["floor"] < 10 * row["value"] and row["protocol"]["least_n"] == 40
    ignored = np.roll(same, 1, axis=0)  # every class is drawn, none where it is asked for
    other = intra_fd.compute(featured.subject(real, ignored, labels=LABELS, classes=3))
    assert other["value"] > 20 * row["value"]
    whole = [fd.frechet(fd.moments(real), fd.moments(x)) for x in (same, ignored)]
    assert whole[0] == pytest.approx(whole[1]), "which the distance of all does not"


@pytest.mark.parametrize(
    ("classes", "labels", "text"),
    [
        (0, LABELS, "the run's data have no labels"),
        (3, np.minimum(np.arange(120), 2), "class 0 has 1 of the real images .* needs 20 of each"),
    ],
)
def test_runs_without_labels_and_small_classes_are_refused(classes, labels, text):
    x = RNG.normal(size=(120, 4))
    with pytest.raises(UserError, match=text):
        intra_fd.check(featured.subject(x, x, labels=labels, classes=classes))
    intra_fd.check(featured.subject(x, x, labels=LABELS, classes=3))
    unconditional = featured.subject(x, x, labels=LABELS, classes=3)
    del unconditional.game.inputs["y"]
    with pytest.raises(UserError, match="samples take no label"):
        intra_fd.check(unconditional)
