"""Diagnostics by hand: diversity of samples, steepness of a critic, the collapse warning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import ema
from jaxgan.core.game import Game
from jaxgan.core.growth import fixed
from jaxgan.core.inputs import Label, Noise
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


def test_diversity_needs_two_pictures_that_differ():
    one = diagnostics.measure(game(linear), None, REAL[:1], {"image": REAL[1:2]}, KEY)
    assert set(one) == {"lipschitz"}
    alike = {"image": np.repeat(REAL[:1], 4, axis=0)}
    assert np.isnan(diagnostics.measure(game(linear), None, REAL[:4], alike, KEY)["diversity"])


def test_nearest_by_hand():
    x = jnp.array([[0.0], [1.0], [3.0]])
    np.testing.assert_allclose(diagnostics.nearest(x), (1 + 1 + 2) / 3)


def test_class_diversity_is_the_ratio_of_distances_within_classes():
    labeled = game(linear)._replace(inputs={"y": Label(2), "z": Noise(3)})
    label = np.arange(16) % 2
    # The samples of class 0 differ half as much as the real images; those of class 1 not at all.
    fake = np.where((label == 0)[:, None, None, None], 0.5 * REAL, REAL[1])
    batch = {"image": REAL, "label": label}
    got = diagnostics.measure(labeled, None, fake, batch, KEY)["class_diversity"]
    distances = [
        np.mean([np.linalg.norm(a - b) for i, a in enumerate(rows) for b in rows[:i]])
        for rows in (REAL[::2], REAL[1::2])
    ]
    np.testing.assert_allclose(got, 0.5 * distances[0] / sum(distances), rtol=1e-5)
    assert "class_diversity" not in diagnostics.measure(game(linear), None, fake, batch, KEY)
    apart = {"image": REAL, "label": np.arange(16)}
    assert np.isnan(diagnostics.measure(labeled, None, fake, apart, KEY)["class_diversity"])


@pytest.mark.parametrize(
    ("reading", "bound", "text"),
    [
        ("diversity", diagnostics.COLLAPSED, "the samples look alike"),
        ("class_diversity", diagnostics.NARROW, "the samples of a class look alike"),
    ],
)
def test_the_warning_comes_once_after_three_low_readings(reading, bound, text):
    def read(watch, step, value):
        return watch(step, {"diagnosis/diversity": 1.0} | {f"diagnosis/{reading}": value})

    watch = diagnostics.CollapseWatch(after=100)
    said = [read(watch, step, bound - 0.01) for step in range(50, 160, 10)]
    assert [bool(text) for text in said] == [False] * 7 + [True] + [False] * 3
    assert text in said[7] and f"{bound - 0.01:.2f} of the real" in said[7]
    watch = diagnostics.CollapseWatch(after=0)
    dips = [read(watch, step, 0.1 if step % 3 else bound) for step in range(30)]
    assert not any(dips), "two low readings and a good one"
    assert not any(watch(step, {}) for step in range(9)), "no reading of a single sample"


def test_averages_settle_before_a_warning():
    averaged = game(linear)._replace(ema={"g": 0.999})
    assert diagnostics.settled(averaged, fixed(4, 32), 5000) == 2995  # 0.999**2995 < 0.05
    assert diagnostics.settled(game(linear), fixed(4, 32), 5000) == 500
    warm = game(linear)._replace(ema={"g": ema.warmed(0.999)})
    assert diagnostics.settled(warm, fixed(4, 32), 5000) == 500, "its average is G's own at once"
