"""Sliced Wasserstein distance against two-dimensional filters and closed forms."""

import numpy as np
import pytest
from scipy import ndimage

from jaxgan.evaluation.metrics import swd as metric
from jaxgan.evaluation.metrics.swd import down, levels, pyramid, swd, up
from jaxgan.runtime.errors import UserError


def images(n: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    """Smooth noise, uint8."""
    x = np.random.default_rng(seed).normal(size=(n, side, side, channels))
    x = ndimage.gaussian_filter(x, (0, 2, 2, 0))
    return np.clip(127 + 300 * x, 0, 255).astype(np.uint8)


def test_pyramid_against_a_two_dimensional_filter():
    x = np.random.default_rng(0).normal(size=(2, 33, 40, 3)).astype(np.float32)
    line = np.array([1, 4, 6, 4, 1]) / 16
    kernel = np.outer(line, line)[None, :, :, None]
    smooth = ndimage.convolve(x.astype(np.float64), kernel, mode="mirror")
    np.testing.assert_allclose(down(x), smooth[:, ::2, ::2], atol=1e-6)
    wide = np.zeros((2, 33, 40, 3))
    wide[:, ::2, ::2] = down(x)
    expected = ndimage.convolve(wide, 4 * kernel, mode="mirror")
    np.testing.assert_allclose(up(down(x), x.shape), expected, atol=1e-5)
    first, second = pyramid(x, 1)
    np.testing.assert_allclose(first + up(second, x.shape), x, atol=1e-6)


@pytest.mark.parametrize(
    ("side", "expected"), [(16, [16]), (28, [28]), (32, [32, 16]), (64, [64, 32, 16])]
)
def test_levels_halve_down_to_16_pixels(side, expected):
    assert levels((1, side, side, 1)) == expected
    found = swd(images(3, side, 1), images(3, side, 1, 1), 0)
    assert list(found) == [*map(str, expected), "mean"]
    assert found["mean"] == pytest.approx(np.mean([found[str(s)] for s in expected]))


def test_sliced_is_the_mean_of_one_dimensional_distances(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(50, 1)).astype(np.float32) for _ in range(2))
    expected = np.abs(np.sort(a[:, 0]) - np.sort(b[:, 0])).mean()
    assert metric._sliced(a, b, rng) == pytest.approx(expected, rel=1e-5)
    # A translation by t is |t . direction| away; its mean over directions of the plane is 2 / pi.
    a = rng.normal(size=(50, 2)).astype(np.float32)
    monkeypatch.setattr(metric, "REPEATS", 100)
    assert metric._sliced(a, a + np.float32([3, 4]), rng) == pytest.approx(5 * 2 / np.pi, rel=0.02)


def test_normalization_removes_offset_and_gain():
    a = images(20, 32, 3)
    assert set(swd(a, a, 0).values()) == {0.0}
    assert swd(a, (a / 127.5 - 1).astype(np.float32), 0)["mean"] < 0.01
    assert swd(a, np.uint8(a // 2 + 7), 0)["mean"] < 20  # offset and gain, up to rounding


def test_sets_differ_at_the_level_of_their_difference():
    a, b = images(100, 32, 3), images(100, 32, 3, 1)
    noise = np.random.default_rng(2).normal(0, 30, b.shape)
    noisy = np.clip(b + noise, 0, 255).astype(np.uint8)
    same, other = swd(a, b, 0), swd(a, noisy, 0)
    assert other["32"] > 3 * same["32"], "fine noise shows at the finest level"
    assert other["16"] < other["32"] / 2


def test_seeds_and_a_constant_set():
    a, b = images(20, 32, 3), images(20, 32, 3, 1)
    assert swd(a, b, 0) == swd(a, b, 0) != swd(a, b, 1)
    flat = np.full_like(b, 90)  # a generator that draws one color
    assert 300 < swd(a, flat, 0)["mean"] < 2000


def test_small_unequal_and_nonfinite_sets_are_refused():
    with pytest.raises(UserError, match="images of 8x8 pixels"):
        swd(images(2, 8, 1), images(2, 8, 1), 0)
    with pytest.raises(UserError, match="sets of shapes"):
        swd(images(2, 32, 1), images(3, 32, 1), 0)
    bad = np.zeros((2, 32, 32, 1), np.float32)
    bad[0, 0, 0] = np.nan
    with pytest.raises(UserError, match="not finite"):
        swd(bad, bad, 0)
