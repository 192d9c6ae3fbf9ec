"""Precision, recall, density and coverage against loops over all pairs."""

import featured
import numpy as np
import pytest

from jaxgan.evaluation.metrics import prdc as metric
from jaxgan.evaluation.metrics.prdc import prdc

RNG = np.random.default_rng(0)


def by_loops(real, fake, k):
    def radius(x, i):
        return sorted(np.linalg.norm(x[i] - x[j]) for j in range(len(x)) if j != i)[k - 1]

    reach = [radius(real, i) for i in range(len(real))]
    reach_fake = [radius(fake, j) for j in range(len(fake))]
    inside = np.array(
        [[np.linalg.norm(f - r) <= reach[i] for f in fake] for i, r in enumerate(real)]
    )
    recalled = [
        any(np.linalg.norm(f - r) <= reach_fake[j] for j, f in enumerate(fake)) for r in real
    ]
    return {
        "precision": inside.any(axis=0).mean(),
        "recall": np.mean(recalled),
        "density": inside.sum() / (k * len(fake)),
        "coverage": inside.any(axis=1).mean(),
    }


@pytest.mark.parametrize(("m", "n", "k"), [(30, 30, 3), (25, 40, 5), (40, 20, 1)])
def test_against_loops(m, n, k, monkeypatch):
    real, fake = RNG.normal(size=(m, 4)), RNG.normal(0.3, 0.8, size=(n, 4))
    expected = by_loops(real, fake, k)
    assert prdc(real, fake, k) == pytest.approx(expected, rel=1e-12)
    assert 0 < expected["precision"] < 1 and 0 < expected["recall"] < 1
    monkeypatch.setattr(metric, "_ROWS", 7)
    assert prdc(real, fake, k) == pytest.approx(expected, rel=1e-12)


def test_copies_far_sets_and_one_mode():
    real = RNG.normal(size=(60, 5)).astype(np.float32)
    assert prdc(real, real)["coverage"] == prdc(real, real)["recall"] == 1
    assert set(prdc(real, real + 100).values()) == {0}
    one = prdc(real, real[:1] + 0.01 * RNG.normal(size=(60, 5)))
    assert one["precision"] == 1 and one["recall"] < 0.1 and one["coverage"] < 0.5
    assert one["density"] == pytest.approx(one["coverage"] * 60 / 5), "all in a ball, or none"


def test_coverage_of_one_distribution_is_near_what_is_expected():
    real, fake = RNG.normal(size=(2, 1000, 8))
    assert prdc(real, fake)["coverage"] == pytest.approx(1 - 2**-5, abs=0.03)


def test_intervals_end_where_the_figures_do():
    sets = RNG.normal(size=(4, 120, 6))
    row = metric.compute(featured.subject(*sets[:2], halves=tuple(sets[2:])))
    found, expected = prdc(*sets[:2]), prdc(*sets[2:])
    assert row["value"] == found["coverage"] and row["floor"] == expected["coverage"]
    assert row["protocol"]["k"] == 5
    for name in ("precision", "recall", "density"):
        bounds = row["bounds"][name]
        assert row["levels"][name] == found[name] and bounds["floor"] == expected[name]
        assert 0 <= bounds["low"] <= found[name] <= bounds["high"]
        assert bounds["low"] < bounds["high"] and (name == "density" or bounds["high"] <= 1)
