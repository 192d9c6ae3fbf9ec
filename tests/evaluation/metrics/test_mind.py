"""The sliced distance against sorted projections and closed forms."""

import featured
import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from jaxgan.evaluation.metrics import mind as metric
from jaxgan.evaluation.metrics.mind import directions, mind, ranked, squared

RNG = np.random.default_rng(0)


def test_equal_numbers_are_paired_by_rank():
    x, y = RNG.normal(size=(2, 50, 6))
    along = directions(6, 3, 40)
    np.testing.assert_allclose(np.linalg.norm(along, axis=0), 1)
    expected = np.mean([np.mean((np.sort(x @ each) - np.sort(y @ each)) ** 2) for each in along.T])
    assert mind(x, y, 3, 40) == pytest.approx(expected, rel=1e-6)
    assert mind(x, x[::-1], 3, 40) == pytest.approx(0, abs=1e-20)


def test_unequal_numbers_are_paired_by_quantile():
    """Against each item as often as makes both sets equally large, and scipy's distance."""
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(4, 3))
    expected = squared(ranked(np.repeat(x, 2, axis=0)), ranked(np.repeat(y, 3, axis=0)))
    np.testing.assert_allclose(squared(ranked(x), ranked(y)), expected, rtol=1e-12)
    steps = np.array([0.0, 1.0])  # of constant sets the distance is that of their values, squared
    far = squared(np.zeros((2, 6)), np.broadcast_to(steps[:, None], (2, 4)))
    np.testing.assert_allclose(far, wasserstein_distance([0], [1]) * steps)


def test_closed_form_of_a_shift():
    """A shift by s moves each projection by s . u, whose mean square is |s|^2 / D."""
    x, shift = RNG.normal(size=(30, 8)), RNG.normal(size=8)
    along = directions(8, 0)
    assert mind(x, x + shift, 0) == pytest.approx(np.mean((shift @ along) ** 2), rel=1e-6)
    assert mind(x, x + shift, 0) == pytest.approx(shift @ shift / 8, rel=0.15)


def test_equal_moments_do_not_deceive_it():
    """Points of two clusters, and a Gaussian of their mean and variance."""
    ends = np.repeat([[-1.0], [1.0]], 200, axis=0) * np.ones(3)
    same = RNG.normal(size=(400, 3))
    same -= same.mean(axis=0)
    root = np.linalg.cholesky(np.linalg.inv(np.cov(same, rowvar=False)))
    blurred = same @ root @ np.diag([1.0, 1e-3, 1e-3]) @ np.ones((3, 3)) + 1e-3 * same
    again = (same @ root)[:, :1] * np.ones(3)
    assert mind(ends, blurred, 0) > 5 * mind(again, blurred, 0)


def test_the_row():
    sets = [RNG.normal(size=(60, 4)) + i // 3 for i in range(4)]
    row = metric.compute(featured.subject(sets[0], sets[3], halves=(sets[0], sets[1])))
    assert row["value"] == pytest.approx(1000 * mind(sets[0], sets[3], 0), rel=1e-6)
    assert row["floor"] == pytest.approx(1000 * mind(sets[0], sets[1], 0), rel=1e-6)
    assert row["floor"] < row["low"] < row["value"] < row["high"]
    assert row["protocol"]["directions"] == 1000 and row["protocol"]["unit"] == 1e-3
