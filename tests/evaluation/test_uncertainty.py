"""Intervals: of proportions in closed form, of bootstraps against repeated draws."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.evaluation import uncertainty


@pytest.mark.parametrize(("hits", "n"), [(0, 40), (40, 40), (39, 40), (2493, 2500), (7, 30)])
def test_an_interval_of_a_proportion_is_exact_and_stays_between_0_and_1(hits, n):
    found = uncertainty.proportion(hits, n)
    want = stats.binomtest(hits, n).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((want.low, want.high))
    assert 0 <= found.low <= found.value == hits / n <= found.high <= 1


def test_seeds_that_differ_are_fewer_trials():
    """Shares of 1,000 trials that vary by seed: the interval covers as often as it says."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(400):
        each = rng.binomial(1000, rng.beta(90, 10, 8)) / 1000
        found = uncertainty.over_seeds(each, 1000)
        covered += found.low <= 0.9 <= found.high
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0.92 < covered / 400 < 0.99
    alike = uncertainty.over_seeds(np.full(4, 0.75), 40)
    assert alike[2:] == pytest.approx(uncertainty.proportion(120, 160)[2:])
    assert uncertainty.over_seeds(np.array([0.3]), 50)[2:] == pytest.approx(
        uncertainty.proportion(15, 50)[2:]
    )


def test_a_bootstrap_of_items_has_the_error_of_a_mean():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = uncertainty.of_items(values, np.mean, 0)
    assert found.std == pytest.approx(2 / 20, rel=0.12)
    assert found.low == pytest.approx(found.value - 1.96 * found.std, abs=0.03)
    assert (
        found
        == uncertainty.of_items(values, np.mean, 0)
        != uncertainty.of_items(values, np.mean, 1)
    )


def figures(real, fake):
    """A distance of sorted points, larger between smaller sets, and a difference of means."""
    gap = np.abs(np.sort(real) - np.sort(fake)).mean()
    return {"mean": float(gap), "shift": float(fake.mean() - real.mean())}


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_parts_have_the_error_of_the_whole(shift):
    def draw(seed):
        rng = np.random.default_rng(seed)
        pair = rng.normal(size=300), rng.normal(shift, 1, 300)
        return uncertainty.of_parts(figures, *pair, seed)

    found = [draw(seed) for seed in range(120)]
    for name in ("mean", "shift"):
        values = np.array([each[name].value for each in found])
        errors = np.sqrt(np.mean([each[name].std ** 2 for each in found]))
        assert errors == pytest.approx(values.std(ddof=1), rel=0.35)


def test_too_few_samples_have_no_interval():
    found = uncertainty.of_parts(figures, np.arange(9.0), np.arange(9.0), 0)
    assert found["mean"].value == 0 and np.isnan(found["mean"].low)
    row = uncertainty.rows(found, {"mean": 0.1})
    assert row["floor"] == 0.1 and row["bounds"]["shift"]["floor"] is None
