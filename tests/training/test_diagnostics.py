"""Diagnostics by hand: diversity and coverage of samples, steepness of a critic, warnings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.averages import ema
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


def test_coverage_is_the_share_of_real_items_with_a_sample_near():
    """Naeem et al. 2020: of fresh points 1 - 2^-5; of a tenth of the data's modes a tenth."""
    rng = np.random.default_rng(0)
    centers = 10 * np.arange(10)[:, None]
    real, fresh = (
        np.float32(centers[np.arange(1000) % 10] + rng.normal(size=(1000, 2))) for _ in range(2)
    )
    assert diagnostics.coverage(real, fresh) == pytest.approx(1 - 2**-5, abs=0.02)
    kept = fresh[np.arange(1000) % 10 != 3]
    assert diagnostics.coverage(real, kept) == pytest.approx(0.9 * (1 - 2**-5), abs=0.02)
    assert diagnostics.coverage(real, fresh[:1].repeat(50, 0)) < 0.02
    line = jnp.array([[0.0], [1.0], [3.0]])  # with fewer than five others: the farthest
    assert diagnostics.coverage(line, jnp.array([[-2.5]])) == pytest.approx(1 / 3)


def test_class_coverage_is_the_least_share_of_a_class():
    real = jnp.array([[0.0], [1.0], [10.0], [11.0]])
    label = jnp.array([0, 0, 2, 2])  # class 1 has no real item
    even = jnp.array([[0.2], [0.9], [10.1], [12.0]])
    assert diagnostics.class_coverage(real, label, even, 3) == 1
    most = jnp.array([[0.2], [0.9], [0.1], [12.0]])
    assert diagnostics.class_coverage(real, label, most, 3) == 0.5
    assert diagnostics.class_coverage(real, label, even[:2], 3) == 0
    points = {"image": np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)}
    points["label"] = np.arange(100) % 2
    plain = game(lambda state, batch: batch["image"][:, 0])
    for classes, found in ((2, True), (3, False), (0, False)):
        row = diagnostics.measure(plain, None, points["image"], points, KEY, classes)
        assert ("class_coverage" in row) == found, "of 50 real items a class"


def warnings(readings, after=0, items=2500):
    """The steps and kinds of the warnings of rows at steps 10, 20 and so on, each kind once."""
    watch, kinds, found = diagnostics.Watch(after, 100, items), set(), []
    for i, row in enumerate(readings):
        named = row if isinstance(row, dict) else {"coverage": row}
        row = {key if "/" in key else f"diagnosis/{key}": value for key, value in named.items()}
        for warned in watch(10 * (i + 1), row):
            assert f"at step {warned.step}" in warned.text
            if warned.kind not in kinds:
                found.append((warned.step, warned.kind))
            kinds.add(warned.kind)
    return found


def test_a_run_that_rises_has_not_collapsed():
    """The narrow dcgan.py of 400 steps, and a fixed average's, which falls but has not settled."""
    rising = [0.107, 0.146, 0.157, 0.222, 0.364, 0.444, 0.537, 0.609]
    assert warnings([{"diversity": value, "coverage": value / 2} for value in rising]) == []
    for name in ("diversity", "class_diversity", "class_coverage"):
        assert warnings([{name: value / 3} for value in rising]) == []
    rng = np.random.default_rng(0)
    often = np.linspace(0.1, 0.6, 80) + rng.normal(0, 0.02, 80)  # eight in a tenth
    watch = diagnostics.Watch(40, 400, 64)
    rows = [{"diagnosis/diversity": each, "diagnosis/coverage": each} for each in often]
    assert not any(watch(5 * i, row) for i, row in enumerate(rows))
    fixed_average = [0.079, 0.079, 0.055, 0.045, 0.045, 0.044, 0.045, 0.054]
    assert warnings([{"diversity": value} for value in fixed_average], after=2995) == []
    assert warnings([{"diversity": value} for value in fixed_average]) == [(40, "diversity")]


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("diversity", diagnostics.COLLAPSED),
        ("class_diversity", diagnostics.NARROW),
        ("class_coverage", diagnostics.LOST),
    ],
)
def test_low_readings_are_warned_of_once(name, bound):
    low = [{name: 1.0}] + [{name: bound - 0.01}] * 9
    assert warnings(low) == [(40, name)] and warnings(low, after=50) == [(70, name)]
    dips = [{name: 1.0}, *([{name: bound - 0.01}] * 2 + [{name: bound}]) * 5]
    assert warnings(dips) == [], "two low readings and a good one"
    assert warnings([{"lipschitz": 1.0}] * 9) == [], "no reading of a single sample"
    between = [{name: 1.0}, *[{name: bound - 0.01}, {"d/real": 0.5}] * 3]
    assert warnings(between) == [(60, name)], "rows without a reading do not count"


def test_a_fall_of_coverage_is_warned_of():
    """Toy runs: a lost part; modes that get sharper and blurred again; and noise of 64 images."""
    assert warnings([0.4, 0.96, 0.46, 0.44, 0.45, 0.45]) == [(50, "coverage")]
    assert warnings([0.5, 0.96, 0.6, 0.7, 0.6, 0.5, 0.7]) == []
    healthy = [0.052, 0.382, 0.374, 0.469, 0.371, 0.373, 0.375, 0.443, 0.432, 0.456]
    assert warnings(healthy) == []
    assert warnings([0.1, 0.3, 0.18, 0.17, 0.19, 0.18], items=64) == [], "no more than its error"
    assert warnings([0.1, 0.9, 0.5, 0.5, 0.5, 0.5], items=64) == [(50, "coverage")]


def test_a_mode_that_is_lost_is_warned_of_though_samples_differ_as_the_data_do():
    share = [0.755, 0.426, 0.208, 0.038, 0.160, 0.064]  # of toy.py, at steps 100, 500 to 2500
    rows = [{"diversity": 1.03, "coverage": 0.46, "class_coverage": each} for each in share]
    assert warnings(rows, after=20) == [(50, "class_coverage")]


def test_a_critic_that_has_won_is_warned_of():
    def told(*pairs):
        return [{"d/accuracy_real": real, "d/accuracy_fake": fake} for real, fake in pairs]

    won = told(*[(0.999, 1.0)] * 9)
    assert warnings(won) == [(30, "critic")]
    assert warnings(told(*[(0.999, 1.0), (1.0, 0.98), (1.0, 1.0)] * 4)) == []
    assert warnings(told(*[(1.0, 0.5)] * 9)) == [], "it calls everything real"
    assert warnings([{"d/real": 30.0, "d/fake": -30.0}] * 9) == [], "Wasserstein's classifies none"
    two = [{**row, "d_b/accuracy_real": 0.6, "d_b/accuracy_fake": 0.6} for row in won]
    assert warnings(two) == [(30, "critic")], "one of two critics"
    watch = diagnostics.Watch(0, 1000, 64)
    early = [watch(step, won[0]) for step in range(60, 160, 10)]
    assert [bool(found) for found in early] == [False] * 6 + [True] * 4, "after a tenth of the run"


def test_averages_settle_before_a_warning():
    averaged = game(linear)._replace(ema={"g": 0.999})
    assert diagnostics.settled(averaged, fixed(4, 32), 5000) == 2995  # 0.999**2995 < 0.05
    assert diagnostics.settled(game(linear), fixed(4, 32), 5000) == 500
    warm = game(linear)._replace(ema={"g": ema.warmed(0.999)})
    assert diagnostics.settled(warm, fixed(4, 32), 5000) == 500, "its average is G's own at once"
