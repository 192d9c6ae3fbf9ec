"""Separable losses against closed forms: values, label noise, and what is logged of logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import adversarial as losses

KEY = jax.random.key(0)
L = np.array([-30.0, -1.5, 0.0, 0.7, 40.0], np.float32)


def sigma(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def on_real(loss, logits):
    """What the critic pays on real samples, whatever the fake ones' logits are."""
    return loss.d(logits, L, KEY)[0]


def on_fake(loss, logits):
    return loss.d(L, logits, KEY)[1]


def of_g(loss, logits):
    return loss.g(None, logits)


def test_minimax_and_non_saturating_against_logarithms():
    x = L[1:4]
    ns, mm = losses.non_saturating(), losses.minimax()
    np.testing.assert_allclose(on_real(ns, x), -np.log(sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(on_fake(ns, x), -np.log(1 - sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(of_g(ns, x), -np.log(sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(of_g(mm, x), np.log(1 - sigma(x)), rtol=1e-6)
    np.testing.assert_allclose(on_real(mm, x), on_real(ns, x))
    np.testing.assert_allclose(ns.score(x), sigma(x), rtol=1e-6)


def test_logistic_losses_are_finite_at_extreme_logits():
    for loss in (losses.non_saturating(), losses.minimax()):
        for values in (on_real(loss, L), on_fake(loss, L), of_g(loss, L)):
            assert np.isfinite(values).all()
    np.testing.assert_allclose(on_real(losses.non_saturating(), L)[0], 30.0, rtol=1e-6)


def test_minimax_saturates_where_non_saturating_does_not():
    slope = jax.grad(lambda x, loss: of_g(loss, x))
    assert abs(slope(-10.0, losses.minimax())) < 1e-4
    assert abs(slope(-10.0, losses.non_saturating())) > 0.99


def test_least_squares_codings():
    loss = losses.least_squares(a=-1.0, b=1.0, c=0.0)
    np.testing.assert_allclose(on_real(loss, L), 0.5 * (L - 1) ** 2)
    np.testing.assert_allclose(on_fake(loss, L), 0.5 * (L + 1) ** 2)
    np.testing.assert_allclose(of_g(loss, L), 0.5 * L**2)
    np.testing.assert_allclose(of_g(losses.least_squares(), L), 0.5 * (L - 1) ** 2)


def test_hinge_and_wasserstein():
    hinge, w = losses.hinge(), losses.wasserstein()
    np.testing.assert_allclose(on_real(hinge, L), [31, 2.5, 1, 0.3, 0], rtol=1e-6)
    np.testing.assert_allclose(on_fake(hinge, L), [0, 0, 1, 1.7, 41], rtol=1e-6)
    np.testing.assert_allclose(of_g(hinge, L), -L)
    np.testing.assert_allclose((on_real(w, L), on_fake(w, L), of_g(w, L)), (-L, L, -L))


def test_one_sided_smoothing_changes_real_labels_only():
    smooth, plain = losses.non_saturating(smooth=0.1), losses.non_saturating()
    expected = -0.9 * np.log(sigma(L[1:4])) - 0.1 * np.log(1 - sigma(L[1:4]))
    np.testing.assert_allclose(on_real(smooth, L[1:4]), expected, rtol=1e-6)
    np.testing.assert_array_equal(on_fake(smooth, L), on_fake(plain, L))


def test_label_noise_is_chollets_with_real_and_fake_exchanged():
    """The book labels fakes 1 and adds noise; on negated logits that is the same number."""
    logits = jnp.full(20_000, 0.7)
    loss = losses.non_saturating(noise=0.05)
    for terms, label in ((on_fake, 1.0), (on_real, 0.0)):
        labels = label + 0.05 * np.random.default_rng(0).uniform(size=len(logits))
        p = sigma(-np.asarray(logits))
        book = -labels * np.log(p) - (1 - labels) * np.log(1 - p)
        values = terms(loss, logits)
        np.testing.assert_allclose(values.mean(), book.mean(), rtol=1e-3)
        np.testing.assert_allclose(values.std(), book.std(), rtol=2e-2)


@pytest.mark.parametrize("make", [losses.non_saturating, losses.minimax, losses.least_squares])
def test_flipped_labels(make):
    plain, all_flipped, half = make(), make(flip=1.0), make(flip=0.5)
    np.testing.assert_allclose(on_real(all_flipped, L), on_fake(plain, L))
    np.testing.assert_allclose(on_fake(all_flipped, L), on_real(plain, L))
    x = jnp.full(4000, 0.7)
    flipped = np.isclose(on_real(half, x), on_fake(plain, x))
    assert 0.45 < flipped.mean() < 0.55


@pytest.mark.parametrize(
    "name", ["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"]
)
def test_a_separable_loss_is_not_paired(name):
    loss = getattr(losses, name)()
    assert not loss.paired
    slope = jax.grad(lambda real: loss.g(real, L).sum() + loss.d(real, L, KEY)[1].sum())
    np.testing.assert_array_equal(slope(L), 0)


def test_readings_score_and_classify_by_the_boundary():
    real, fake = np.float32([-1.0, 0.2, 0.6, 2.0]), np.float32([0.3, -3.0])
    row = losses.non_saturating().readings(real, fake)
    np.testing.assert_allclose(row["real"], sigma(real).mean(), rtol=1e-6)
    np.testing.assert_allclose(row["fake"], sigma(fake).mean(), rtol=1e-6)
    assert (row["accuracy_real"], row["accuracy_fake"]) == (0.75, 0.5)
    row = losses.least_squares().readings(real, fake)  # halfway between its labels 0 and 1
    np.testing.assert_allclose(row["real"], real.mean(), rtol=1e-6)
    assert (row["accuracy_real"], row["accuracy_fake"]) == (0.5, 1.0)
