"""Auxiliary objectives against closed forms: ACGAN's cross-entropy, InfoGAN's bound."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.losses import auxiliary

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
LOGITS = (5 * RNG.normal(size=(16, 10))).astype(np.float32)
LABELS = RNG.integers(0, 10, 16)


def log_softmax(x):
    x = x.astype(np.float64)
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def test_acgan_is_the_cross_entropy_of_logits():
    """One softmax, not two: confident and correct heads cost nothing."""
    made = auxiliary.acgan(d_weight=2.0, g_weight=0.1)
    picked = -log_softmax(LOGITS)[np.arange(16), LABELS].mean()
    other = -log_softmax(-LOGITS)[np.arange(16), LABELS].mean()
    value, metrics = made.d(LOGITS, -LOGITS, LABELS, LABELS)
    np.testing.assert_allclose(value, 2 * (picked + other), rtol=1e-5)
    np.testing.assert_allclose(made.g(LOGITS, LABELS), 0.1 * picked, rtol=1e-5)
    real_only, _ = auxiliary.acgan(learn_fakes=False).d(LOGITS, -LOGITS, LABELS, LABELS)
    np.testing.assert_allclose(real_only, picked, rtol=1e-5)
    sure = 50 * np.eye(10, dtype=np.float32)[LABELS]
    value, metrics = made.d(sure, sure, LABELS, LABELS)
    assert value < 1e-6  # softmax applied twice would leave 1.46 for each
    assert metrics["class_accuracy_real"] == metrics["class_accuracy_fake"] == 1


def test_infogan_draws_one_hot_categories_and_uniform_numbers():
    made = auxiliary.infogan()
    code = np.asarray(made.code(KEY, 2000, None))
    assert code.shape == (2000, 12) and made.heads(0) == 12
    np.testing.assert_array_equal(code[:, :10].sum(1), 1)
    assert (np.bincount(code[:, :10].argmax(1), minlength=10) > 140).all()
    assert code[:, 10:].min() >= -1 and code[:, 10:].max() < 1
    assert abs(code[:, 10:].mean()) < 0.05 and abs(code[:, 10:].var() - 1 / 3) < 0.02
    chosen = made.code(KEY, 3, jnp.array([4, 4, 2]))
    np.testing.assert_array_equal(chosen[:, :10].argmax(1), [4, 4, 2])


def test_infogan_bound_in_nats():
    made = auxiliary.infogan()
    code = made.code(KEY, 16, None)
    heads = RNG.normal(size=(16, 12)).astype(np.float32)
    category = (log_softmax(heads[:, :10]) * np.asarray(code[:, :10])).sum(1).mean()
    error = heads[:, 10:] - np.asarray(code[:, 10:])
    numbers = (-0.5 * error**2 - 0.5 * math.log(2 * math.pi)).sum(1).mean()
    value, metrics = made.d(None, heads, None, code)
    np.testing.assert_allclose(value, -category - numbers, rtol=1e-5)
    np.testing.assert_allclose(made.g(heads, code), value, rtol=1e-6)
    bound = category + numbers + math.log(10) + 2 * math.log(2)
    np.testing.assert_allclose(metrics["information_nats"], bound, rtol=1e-4)


def test_infogan_bound_is_the_codes_entropy_when_heads_recover_it():
    made = auxiliary.infogan(continuous=0)
    code = made.code(KEY, 16, None)
    _, metrics = made.d(None, 50 * code, None, code)
    np.testing.assert_allclose(metrics["information_nats"], math.log(10), rtol=1e-6)
