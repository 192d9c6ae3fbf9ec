"""Regularizers in closed form: a linear critic's gradient is its weight, a quadratic's is x."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.losses import regularizers as reg

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(6, 4, 4, 2)).astype(np.float32)
FAKE = RNG.normal(size=(6, 4, 4, 2)).astype(np.float32)
W = RNG.normal(size=(4, 4, 2)).astype(np.float32)


def linear(x):
    return jnp.sum(x * W, axis=(1, 2, 3)) + 3.0


def quadratic(x):
    return 0.5 * jnp.sum(x**2, axis=(1, 2, 3))  # gradient x


def term(made, critic=linear, params=None):
    return float(made.term(critic, params, REAL, FAKE, KEY))


def test_penalties_of_a_linear_critic():
    norm = np.sqrt((W.astype(np.float64) ** 2).sum())
    np.testing.assert_allclose(term(reg.gradient_penalty()), 10 * (norm - 1) ** 2, rtol=1e-5)
    made = reg.gradient_penalty(weight=2.0, target=3.0)
    np.testing.assert_allclose(term(made), 2 * (norm - 3) ** 2 / 9, rtol=1e-5)
    np.testing.assert_allclose(term(reg.dragan(weight=2.0)), 2 * (norm - 1) ** 2, rtol=1e-5)
    np.testing.assert_allclose(term(reg.r1(gamma=4.0)), 2 * norm**2, rtol=1e-5)
    np.testing.assert_allclose(term(reg.r2(gamma=4.0)), 2 * norm**2, rtol=1e-5)


def test_a_one_sided_penalty_is_zero_for_small_gradients():
    small = lambda x: 0.01 * linear(x)  # noqa: E731
    assert term(reg.gradient_penalty(one_sided=True), small) == 0
    assert term(reg.gradient_penalty(one_sided=False), small) > 1
    big = term(reg.gradient_penalty(one_sided=True))
    np.testing.assert_allclose(big, term(reg.gradient_penalty()), rtol=1e-6)


def test_a_penalty_of_power_one_is_the_distance_from_the_target():
    norm = np.sqrt((W.astype(np.float64) ** 2).sum())
    made = reg.gradient_penalty(weight=2.0, target=3.0, power=1)
    np.testing.assert_allclose(term(made), 2 * abs(norm - 3) / 3, rtol=1e-5)
    made = reg.gradient_penalty(weight=2.0, one_sided=True, power=1)
    np.testing.assert_allclose(term(made), 2 * (norm - 1), rtol=1e-5)
    assert term(made, lambda x: 0.01 * linear(x)) == 0


def test_l2_is_the_sum_of_squared_kernels_without_biases():
    params = {"a": {"kernel": jnp.array([[3.0, 4.0]]), "bias": jnp.array([9.0, 9.0])}}
    params["b"] = {"kernel": jnp.full((2, 2, 1, 1), 0.5)}
    assert term(reg.l2(weight=0.1), params=params) == pytest.approx(2.6)


def test_penalties_of_a_quadratic_critic():
    def squares(x):
        return (x.astype(np.float64) ** 2).sum(axis=(1, 2, 3))

    np.testing.assert_allclose(
        term(reg.r1(gamma=4.0), quadratic), 2 * squares(REAL).mean(), rtol=1e-5
    )
    np.testing.assert_allclose(
        term(reg.r2(gamma=4.0), quadratic), 2 * squares(FAKE).mean(), rtol=1e-5
    )
    alpha = np.asarray(jax.random.uniform(KEY, (6, 1, 1, 1)))
    norms = np.sqrt(squares(REAL + alpha * (FAKE - REAL)))
    np.testing.assert_allclose(
        term(reg.gradient_penalty(), quadratic), 10 * ((norms - 1) ** 2).mean(), rtol=1e-5
    )


def points_of(made, real, fake):
    """Where a penalty takes the critic's gradient."""
    points = []

    def spy(x):
        jax.debug.callback(lambda v: points.append(np.asarray(v)), x)
        return quadratic(x)

    made.term(spy, None, real, fake, KEY)
    jax.effects_barrier()
    return points[0]


def test_alpha_is_drawn_for_each_sample_and_shared_by_its_pixels():
    alphas = points_of(reg.gradient_penalty(), np.zeros_like(REAL), np.ones_like(FAKE))
    assert (alphas == alphas[:, :1, :1, :1]).all(), "one alpha for all pixels of a sample"
    assert len(np.unique(alphas[:, 0, 0, 0])) == len(REAL), "another for each sample"
    assert (alphas >= 0).all() and (alphas < 1).all()


def test_dragan_stays_within_half_a_standard_deviation_above_the_reals():
    offset = (points_of(reg.dragan(), REAL, FAKE) - REAL) / REAL.std()
    assert offset.min() >= -1e-6 and 0.48 < offset.max() <= 0.5 + 1e-6
    assert 0.2 < offset.mean() < 0.3


def test_drift_is_on_real_images_only():
    expected = 0.001 * (np.asarray(linear(REAL), np.float64) ** 2).mean()
    np.testing.assert_allclose(term(reg.drift()), expected, rtol=1e-5)


def test_spectral_regularization_is_half_the_sum_of_squared_singular_values():
    conv = RNG.normal(size=(3, 3, 2, 5)).astype(np.float32)
    params = {"a": {"kernel": W[0], "bias": np.ones(2)}, "b": {"kernel": conv}}
    sigmas = [np.linalg.svd(w.reshape(-1, w.shape[-1]))[1][0] for w in (W[0], conv)]
    expected = 0.3 / 2 * sum(s**2 for s in sigmas)
    made = reg.spectral(weight=0.3, iterations=100)
    np.testing.assert_allclose(term(made, params=params), expected, rtol=1e-4)


def test_spectral_regularization_pulls_the_largest_direction_only():
    w = {"kernel": jnp.asarray(np.diag([3.0, 1.0]).astype(np.float32))}
    made = reg.spectral(weight=1.0, iterations=100)
    grad = jax.grad(lambda p: made.term(None, p, REAL, FAKE, KEY))(w)["kernel"]
    np.testing.assert_allclose(grad, np.diag([3.0, 0.0]), atol=1e-4)


def test_a_dead_critic_keeps_the_penalty_and_its_gradient_finite():
    def loss(scale):
        return reg.gradient_penalty().term(lambda x: scale * linear(x), None, REAL, FAKE, KEY)

    value, slope = jax.value_and_grad(loss)(0.0)
    np.testing.assert_allclose(value, 10.0, rtol=1e-4)
    assert np.isfinite(slope)


@pytest.mark.parametrize(
    ("name", "per_sample"),
    [
        ("gradient_penalty", True),
        ("dragan", True),
        ("r1", True),
        ("r2", True),
        ("drift", False),
        ("spectral", False),
        ("l2", False),
    ],
)
def test_which_regularizers_differentiate_each_sample(name, per_sample):
    assert getattr(reg, name)().per_sample == per_sample
