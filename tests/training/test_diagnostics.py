"""Diagnostics by hand: diversity of samples, steepness of a critic, the collapse warning."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Game
from jaxgan.training import diagnostics

KEY = jax.random.key(0)
REAL = np.random.default_rng(0).normal(size=(16, 4, 4, 1)).astype(np.float32)
W = np.full((4, 4, 1), 0.5, np.float32)


def game(critic):
    return Game(None, {}, (), {}, None, critic, {})


def linear(state, batch):
    return jnp.sum(batch["image"] * W, axis=(1, 2, 3))


def measure(fake):
    return diagnostics.measure(game(linear), None, fake, {"image": REAL}, KEY)


def test_lipschitz_of_a_linear_critic_is_its_weights_norm():
    np.testing.assert_allclose(measure(REAL[::-1])["lipschitz"], 2.0, rtol=1e-5)


def test_diversity_is_one_for_the_data_itself_and_none_for_repeats():
    np.testing.assert_allclose(measure(REAL[::-1])["diversity"], 1.0, rtol=1e-6)
    np.testing.assert_allclose(measure(REAL * 0.5)["diversity"], 0.5, rtol=1e-5)
    twice = np.concatenate([REAL[:8], REAL[:8]])
    assert measure(twice)["diversity"] < 1e-3, "each image drawn twice: a few modes, repeated"


def test_nearest_by_hand():
    x = jnp.array([[0.0], [1.0], [3.0]])
    np.testing.assert_allclose(diagnostics.nearest(x), (1 + 1 + 2) / 3)


def test_the_warning_comes_once_after_three_low_readings():
    watch = diagnostics.CollapseWatch(after=100)
    said = [watch(step, 0.1) for step in range(50, 160, 10)]
    assert [bool(text) for text in said] == [False] * 7 + [True] + [False] * 3
    assert "samples look alike" in said[7] and "0.10 of the real data's" in said[7]
    watch = diagnostics.CollapseWatch(after=0)
    assert not any(watch(step, 0.1 if step % 3 else 0.9) for step in range(30)), "dips pass"
