import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import adversarial as losses

KEY = jax.random.key(0)
L = np.array([-30.0, -1.5, 0.0, 0.7, 40.0], np.float32)


def sigma(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def test_minimax_and_non_saturating_against_logarithms():
    x = L[1:4]
    ns, mm = losses.non_saturating(), losses.minimax()
    np.testing.assert_allclose(ns.real(x, KEY), -np.log(sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(ns.fake(x, KEY), -np.log(1 - sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(ns.g(x), -np.log(sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(mm.g(x), np.log(1 - sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(mm.real(x, KEY), ns.real(x, KEY))
    np.testing.assert_allclose(ns.score(x), sigma(x), rtol=1e-6)


def test_logistic_losses_are_finite_at_extreme_logits():
    for loss in (losses.non_saturating(), losses.minimax()):
        for values in (loss.real(L, KEY), loss.fake(L, KEY), loss.g(L)):
            assert np.isfinite(values).all()
    np.testing.assert_allclose(losses.non_saturating().real(L, KEY)[0], 30.0, rtol=1e-6)


def test_minimax_saturates_where_non_saturating_does_not():
    slope = jax.grad(lambda x, f: f(x))
    assert abs(slope(-10.0, losses.minimax().g)) < 1e-4
    assert abs(slope(-10.0, losses.non_saturating().g)) > 0.99


def test_least_squares_codings():
    loss = losses.least_squares(a=-1.0, b=1.0, c=0.0)
    np.testing.assert_allclose(loss.real(L, KEY), 0.5 * (L - 1) ** 2)
    np.testing.assert_allclose(loss.fake(L, KEY), 0.5 * (L + 1) ** 2)
    np.testing.assert_allclose(loss.g(L), 0.5 * L**2)
    np.testing.assert_allclose(losses.least_squares().g(L), 0.5 * (L - 1) ** 2)


def test_hinge_and_wasserstein():
    hinge, w = losses.hinge(), losses.wasserstein()
    np.testing.assert_allclose(hinge.real(L, KEY), [31, 2.5, 1, 0.3, 0], rtol=1e-6)
    np.testing.assert_allclose(hinge.fake(L, KEY), [0, 0, 1, 1.7, 41], rtol=1e-6)
    np.testing.assert_allclose(hinge.g(L), -L)
    np.testing.assert_allclose((w.real(L, KEY), w.fake(L, KEY), w.g(L)), (-L, L, -L))


def test_one_sided_smoothing_leaves_fakes_alone():
    smooth, plain = losses.non_saturating(smooth=0.1), losses.non_saturating()
    expected = -0.9 * np.log(sigma(L[1:4])) - 0.1 * np.log(1 - sigma(L[1:4]))
    np.testing.assert_allclose(smooth.real(L[1:4], KEY), expected, rtol=1e-6)
    np.testing.assert_array_equal(smooth.fake(L, KEY), plain.fake(L, KEY))


def test_label_noise_is_the_books():
    """The book's labels call fakes 1 and add noise; on negated logits that is the same number."""
    logits = jnp.full(20_000, 0.7)
    loss = losses.non_saturating(noise=0.05)
    for mine, label in ((loss.fake, 1.0), (loss.real, 0.0)):
        labels = label + 0.05 * np.random.default_rng(0).uniform(size=len(logits))
        p = sigma(-np.asarray(logits))
        book = -labels * np.log(p) - (1 - labels) * np.log(1 - p)
        values = mine(logits, KEY)
        np.testing.assert_allclose(values.mean(), book.mean(), rtol=1e-3)
        np.testing.assert_allclose(values.std(), book.std(), rtol=2e-2)


@pytest.mark.parametrize("make", [losses.non_saturating, losses.minimax, losses.least_squares])
def test_flipped_labels(make):
    plain, all_flipped, half = make(), make(flip=1.0), make(flip=0.5)
    np.testing.assert_allclose(all_flipped.real(L, KEY), plain.fake(L, KEY))
    np.testing.assert_allclose(all_flipped.fake(L, KEY), plain.real(L, KEY))
    x = jnp.full(4000, 0.7)
    flipped = np.isclose(half.real(x, KEY), plain.fake(x, KEY))
    assert 0.45 < flipped.mean() < 0.55
