"""The Frechet distance against scipy and closed forms, its interval, and the name `fid`."""

import featured
import numpy as np
import pytest
import scipy.linalg

from jaxgan.evaluation.metrics import fd

RNG = np.random.default_rng(0)


def correlated(n, d, scale=1.0, shift=0.0):
    mix = np.random.default_rng(d).normal(size=(d, d)) / np.sqrt(d)
    return (np.maximum(RNG.normal(size=(n, d)) @ mix, 0) * scale + shift).astype(np.float32)


def by_scipy(x, y):
    """The definition: the trace of scipy's square root of the covariances' product."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = x.mean(axis=0) - y.mean(axis=0)
    return shift @ shift + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)


@pytest.mark.parametrize(("m", "n", "d"), [(300, 200, 12), (90, 400, 40)])
def test_against_scipys_square_root(m, n, d):
    x, y = correlated(m, d), correlated(n, d, 1.2, 0.1)
    expected = by_scipy(x, y)
    assert fd.frechet(fd.moments(x), fd.moments(y)) == pytest.approx(expected, rel=1e-6)
    assert fd.quick(fd.small(x), fd.small(y)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n", [20, 500])
def test_a_set_is_at_distance_0_from_itself(n):
    x = 10 * correlated(n, 64)
    assert abs(fd.frechet(fd.moments(x), fd.moments(x))) < 1e-8
    assert abs(fd.frechet(fd.moments(x), fd.moments(x[::-1]))) < 1e-8, "in any order"
    assert fd.frechet(fd.moments(x), fd.moments(x + 0.5)) == pytest.approx(64 / 4, rel=1e-5)


def test_closed_form_of_diagonal_covariances():
    a, b, shift = RNG.uniform(0, 4, (3, 7))
    one = fd.Moments(2, np.zeros(7), np.diag(a))
    other = fd.Moments(2, shift, np.diag(b))
    expected = (shift**2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert fd.frechet(one, other) == pytest.approx(expected, rel=1e-9)


def test_moments_are_added_up(monkeypatch):
    x = correlated(50, 6) + 1000  # far from 0, where sums of squares in float32 would not do
    monkeypatch.setattr(fd, "_ROWS", 7)
    found = fd.moments(x)
    np.testing.assert_allclose(found.mean, x.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(x.astype("f8"), rowvar=False), rtol=1e-7)


@pytest.mark.parametrize(("d", "shift"), [(10, 0.0), (10, 0.4), (100, 0.1)])
def test_the_standard_error_is_the_deviation_of_repeated_draws(d, shift):
    """Near 0 and far from it, and with fewer items than features."""
    found = [fd.estimate(correlated(80, d), correlated(80, d, 1, shift), i) for i in range(40)]
    values = np.array([each.value for each in found])
    errors = np.sqrt(np.mean([each.std**2 for each in found]))
    assert errors == pytest.approx(values.std(ddof=1), rel=0.5)
    covered = np.mean([each.low <= values.mean() <= each.high for each in found])
    assert covered > 0.75, "95 % of sets as large as those that are evaluated"


def test_the_figure_is_fid_with_its_network_only(capsys):
    sets = [correlated(30, 4) for _ in range(4)]
    row = fd.compute(featured.subject(*sets[:2], halves=sets[2:]))
    assert row["metric"] == "fd" and row["floor"] == pytest.approx(by_scipy(*sets[2:]), rel=1e-6)
    assert row["value"] == pytest.approx(by_scipy(*sets[:2]), rel=1e-6)
    assert row["low"] < row["value"] < row["high"] and not capsys.readouterr().err
    assert row["protocol"]["features"] == "Net aaaaaaaa" and row["protocol"]["n"] == 30
    assert fd.compute(featured.subject(*sets[:2], published={"fd": "fid"}))["metric"] == "fid"
    fd.compute(featured.subject(correlated(30, 40), correlated(30, 40)))
    assert "30 samples for covariances of 40 features" in capsys.readouterr().err
