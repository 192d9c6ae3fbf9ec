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


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_halves_give_the_standard_error_of_a_mean(share):
    """Of a figure that is linear, exactly known; real items that are all there are do not vary."""
    rng = np.random.default_rng(0)
    real, fake = rng.normal(0, 2, 90), rng.normal(1, 1, 60)
    found = uncertainty.of_halves(lambda x, y: {"shift": y.mean() - x.mean()}, real, fake, 0, share)
    found = found["shift"]
    expected = np.sqrt((1 - share) * real.var() / 90 + fake.var() / 60)
    assert found.value == pytest.approx(fake.mean() - real.mean())
    assert found.std == pytest.approx(expected, rel=0.4)
    assert found.high - found.value == pytest.approx(2.093 * found.std, rel=1e-3)
    assert found.value - found.low == pytest.approx(2.093 * found.std, rel=1e-3)
    assert found.draws.std() == pytest.approx(found.std, rel=0.1)
    assert found.draws.mean() == pytest.approx(found.value, abs=0.1 * found.std + 0.01)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_halves_give_the_standard_error_of_a_square(shift):
    """Near 0, where halves' squares vary 1.7 times as much as repeated draws of all, and beyond."""

    def square(x, y):
        return {"square": float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum())}

    rng, found = np.random.default_rng(0), []
    for i in range(150):
        x, y = rng.normal(size=(2, 60, 8))
        found.append(uncertainty.of_halves(square, x, y + shift, i)["square"])
    values = np.array([each.value for each in found])
    errors = np.sqrt(np.mean([each.std**2 for each in found]))
    assert 0.8 < errors / values.std(ddof=1) < 1.5
    covered = np.mean([each.low <= values.mean() <= each.high for each in found])
    assert 0.88 <= covered <= 1


def test_halves_of_one_seed_move_together():
    """Figures of the same real items: what their draws do to both cancels in the difference."""
    rng = np.random.default_rng(0)
    real, a, b = rng.normal(0, 5, 80), rng.normal(0, 1, 80), rng.normal(2, 1, 80)
    one, other = (
        uncertainty.of_halves(lambda x, y: {"f": float(y.mean() - x.mean())}, real, each, 7)["f"]
        for each in (a, b)
    )
    own = np.sqrt(a.var() / 80 + b.var() / 80)
    assert 0.5 * own < (other.draws - one.draws).std() < 2 * own < one.std


def test_halves_leave_an_odd_item_out_and_repeat_none():
    sizes = set()

    def figure(x, y):
        sizes.add((len(x), len(y)))
        assert len(np.unique(x)) == len(x) and len(np.unique(y)) == len(y)
        return {"n": float(len(x))}

    found = uncertainty.of_halves(figure, np.arange(9), np.arange(4), 0)["n"]
    assert sizes == {(4, 2), (9, 4)} and tuple(found) == (9, 0, 9, 9)
