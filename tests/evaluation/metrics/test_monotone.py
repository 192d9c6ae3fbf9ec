"""Each metric of features worsens step by step as digits are spoiled; features are pixels."""

import featured
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from jaxgan.evaluation.metrics import fd
from jaxgan.evaluation.metrics.kid import mmd2
from jaxgan.evaluation.metrics.mind import mind
from jaxgan.evaluation.metrics.prdc import prdc

DIGITS, LABELS = featured.digits()
REAL, FRESH = DIGITS[:850].reshape(850, -1), DIGITS[850:1700]
FRESH_LABELS = LABELS[850:1700]


def noise(level):
    return FRESH + level * np.random.default_rng(1).normal(size=FRESH.shape)


def blur(level):
    return gaussian_filter(FRESH, (0, level, level)) if level else FRESH


def dropped_classes(level):
    kept = np.flatnonzero(level <= FRESH_LABELS)
    return FRESH[np.resize(kept, 850)]


def copies(level):
    """Only one in so many is another image."""
    return FRESH[np.arange(850) // max(1, level) * max(1, level)]


def figures(images):
    x = images.reshape(850, -1)
    found = prdc(REAL, x)
    return {
        "fd": fd.frechet(fd.moments(REAL), fd.moments(x)),
        "kid": 1000 * mmd2(REAL, x),
        "mind": 1000 * mind(REAL, x, 0, 200),
        **{name: -value for name, value in found.items()},
    }


@pytest.mark.parametrize(
    ("spoil", "levels", "blind"),
    [
        (noise, (0, 0.1, 0.2, 0.4), ("recall",)),  # samples far apart have large balls
        (blur, (0, 0.8, 1.0, 1.4), ()),
        (dropped_classes, (0, 2, 5, 8), ("precision", "density")),
        (copies, (0, 8, 30, 120), ("precision", "density")),
    ],
)
def test_worse_samples_have_worse_figures(spoil, levels, blind):
    rows = [figures(spoil(level)) for level in levels]
    for name in rows[0]:
        values = [row[name] for row in rows]
        assert name in blind or values == sorted(values) and values[0] < values[-1], (name, values)
