"""Relativistic losses against closed forms in float64: values, gradients by hand, readings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import relativistic

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
REAL, FAKE = (RNG.normal(scale=2, size=n).astype(np.float32) for n in (5, 5))
MORE = RNG.normal(scale=2, size=15).astype(np.float32)  # G may draw three times D's batch
LOSSES = ["relativistic_pairing", "relativistic_average"]


def make(name):
    return getattr(relativistic, name)()


def softplus(x):
    return np.logaddexp(0, x)


def sigma(x):
    return 1 / (1 + np.exp(-x))


def of_d(loss, real, fake):
    on_real, on_fake = loss.d(real, fake, KEY)
    assert on_real.shape == real.shape and on_fake.shape == fake.shape
    return on_real.mean() + on_fake.mean()


def of_g(loss, real, fake):
    terms = loss.g(real, fake)
    assert terms.shape == fake.shape
    return terms.mean()


def pairing(above, below):
    """mean softplus(below - above) over pairs, and its slopes in both."""
    above, below = np.float64(above), np.float64(below)
    k = len(below) // len(above)
    tiled = np.tile(above, k)
    slope = sigma(below - tiled) / len(below)
    return softplus(below - tiled).mean(), -slope.reshape(k, -1).sum(axis=0), slope


def average(above, below):
    """mean softplus(mean(below) - above) + mean softplus(below - mean(above)), and its slopes."""
    above, below = np.float64(above), np.float64(below)
    s_above, s_below = sigma(below.mean() - above), sigma(below - above.mean())
    value = softplus(below.mean() - above).mean() + softplus(below - above.mean()).mean()
    of_above = -(s_above + s_below.mean()) / len(above)
    of_below = (s_below + s_above.mean()) / len(below)
    return value, of_above, of_below


CLOSED = dict(zip(LOSSES, (pairing, average), strict=True))


@pytest.mark.parametrize("name", LOSSES)
def test_d_by_hand(name):
    value, slopes = jax.value_and_grad(of_d, argnums=(1, 2))(make(name), REAL, FAKE)
    expected, *by_hand = CLOSED[name](REAL, FAKE)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    for slope, closed in zip(slopes, by_hand, strict=True):
        np.testing.assert_allclose(slope, closed, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_g_by_hand_is_d_with_real_and_fake_exchanged(name):
    value, slopes = jax.value_and_grad(of_g, argnums=(1, 2))(make(name), REAL, FAKE)
    expected, of_fake, of_real = CLOSED[name](FAKE, REAL)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slopes[0], of_real, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(slopes[1], of_fake, rtol=1e-5, atol=1e-8)


def test_g_pairs_each_real_sample_with_every_nth_fake():
    loss = make("relativistic_pairing")
    value, slopes = jax.value_and_grad(of_g, argnums=(1, 2))(loss, REAL, MORE)
    # softplus(real - fake) is pairing's softplus of the negated logits' difference
    expected, of_real, of_fake = pairing(-REAL, -MORE)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slopes[0], -of_real, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(slopes[1], -of_fake, rtol=1e-5, atol=1e-8)
    pairs = [softplus(np.float64(REAL[i % 5]) - MORE[i]) for i in range(15)]
    np.testing.assert_allclose(loss.g(REAL, MORE), pairs, rtol=1e-6)


def test_g_of_the_average_takes_more_fakes_than_real_samples():
    value, slopes = jax.value_and_grad(of_g, argnums=(1, 2))(
        make("relativistic_average"), REAL, MORE
    )
    expected, of_fake, of_real = average(MORE, REAL)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(slopes[0], of_real, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(slopes[1], of_fake, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
def test_only_differences_of_logits_matter(name):
    loss = make(name)
    for of in (of_d, of_g):
        value = of(loss, REAL, FAKE)
        np.testing.assert_allclose(of(loss, REAL + 16, FAKE + 16), value, rtol=1e-5)
        slopes = jax.grad(of, argnums=(1, 2))(loss, REAL, FAKE)
        np.testing.assert_allclose(sum(slope.sum() for slope in slopes), 0, atol=1e-6)
    plain, shifted = (loss.readings(REAL + c, FAKE + c) for c in (0, 16))
    for kind in ("real", "fake"):
        assert plain[f"accuracy_{kind}"] == shifted[f"accuracy_{kind}"]


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_finite_at_extreme_logits(name):
    high, low = np.float32([80.0, 100.0]), np.float32([-90.0, -100.0])
    for real, fake in ((high, low), (low, high)):
        for of in (of_d, of_g):
            value, slopes = jax.value_and_grad(of, argnums=(1, 2))(make(name), real, fake)
            assert all(np.isfinite(x).all() for x in (value, *slopes))


@pytest.mark.parametrize("name", LOSSES)
def test_readings_classify_against_the_other_kinds_mean(name):
    loss = make(name)
    assert loss.paired
    real, fake = jnp.array([9.0, 10.0, 11.0, 14.0]), jnp.array([8.0, 9.5, 10.0, 14.5])
    row = loss.readings(real, fake)  # the means are 11 and 10.5
    assert (row["real"], row["fake"]) == (11.0, 10.5)
    assert row["accuracy_real"] == 0.5  # 11 and 14 are above 10.5
    assert row["accuracy_fake"] == 0.75  # all but 14.5 are below 11
