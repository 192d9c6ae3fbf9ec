"""Statistics of a sweep against scipy.stats, and against numbers by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from jaxgan.ablation import statistics

BASE = {0: 10.0, 1: 11.0, 2: 9.5, 3: 12.0, 4: 10.5}
CELL = {0: 9.0, 1: 10.5, 2: 9.0, 3: 10.5, 4: 9.75}


def test_mean_has_students_interval():
    found = statistics.mean([1.0, 2.0, 3.0, 4.0])
    half = 3.182446 * math.sqrt(5 / 3) / 2  # t of 3 degrees of freedom, by a table
    assert found.value == 2.5 and found.n == 4
    assert found.high - 2.5 == pytest.approx(half, rel=1e-6) == pytest.approx(2.5 - found.low)
    low, high = stats.t.interval(0.95, 3, loc=2.5, scale=stats.sem([1, 2, 3, 4]))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_paired_differences_are_those_of_a_paired_test():
    found = statistics.paired(CELL, BASE)
    expected = stats.ttest_rel(list(CELL.values()), list(BASE.values()))
    assert found.value == pytest.approx(-0.85) and found.n == 5
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(interval))
    assert found.p < 0.02 < stats.ttest_ind(list(CELL.values()), list(BASE.values())).pvalue


def test_only_seeds_that_both_have_are_paired():
    found = statistics.paired({0: 9.0, 1: 10.5, 7: 100.0}, BASE)
    assert found.n == 2 and found.value == pytest.approx(-0.75)
    assert statistics.paired({7: 1.0}, BASE).n == 0


def test_holm_by_hand():
    ps = [0.01, 0.04, 0.03, 0.005]
    assert statistics.holm(ps) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.6, 0.9]) == [1.0, 1.0]
    with_unknown = statistics.holm([0.02, math.nan, 0.04])
    assert with_unknown[0] == with_unknown[2] == 0.04 and math.isnan(with_unknown[1])


def test_the_base_against_itself_is_no_difference_and_few_values_have_no_interval():
    same = statistics.paired(BASE, BASE)
    assert same[:3] == (0, 0, 0) and same.p == 1
    shifted = statistics.paired({seed: value + 1 for seed, value in BASE.items()}, BASE)
    assert shifted[:3] == (1, 1, 1) and shifted.p == 0
    one = statistics.mean([3.0])
    assert one.value == 3 and math.isnan(one.low) and math.isnan(one.p)
    assert math.isnan(statistics.mean([]).value)


def test_a_difference_is_found_and_noise_is_not():
    """20 sweeps of five seeds and four cells: one is worse by 3 deviations, three are noise."""
    rng = np.random.default_rng(0)
    found = noise = 0
    for _ in range(20):
        draws = rng.standard_normal((5, 5))
        base = dict(enumerate(draws[0]))
        cells = [dict(enumerate(row)) for row in draws[1:]]
        cells[0] = {seed: value + 6 for seed, value in cells[0].items()}
        ps = statistics.holm([statistics.paired(cell, base).p for cell in cells])
        found += ps[0] < 0.05
        noise += min(ps[1:]) < 0.05
    assert found >= 19 and noise <= 1
