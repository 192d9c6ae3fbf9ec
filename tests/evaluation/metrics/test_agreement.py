"""Agreement of samples with their labels and spread within classes, of games without nets."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec
from jaxgan.core.inputs import Code, Label, Noise
from jaxgan.data.source import from_arrays
from jaxgan.evaluation.metrics import agreement
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import Record, Restored

N, CLASSES = 120, 3
LABELS = np.arange(N) % CLASSES


def pictures(classes, noise):
    """Floats (n, 4, 4, 1) in [-1, 1]: the class is the row that is bright; noise is added."""
    rows = jnp.arange(4)[None] == jnp.asarray(classes)[:, None]
    return 0.8 * jnp.broadcast_to(rows[:, :, None, None], (len(rows), 4, 4, 1)) - 0.4 + noise


REAL = np.asarray(
    (pictures(LABELS, np.random.default_rng(0).uniform(-0.3, 0.3, (N, 4, 4, 1))) + 1) * 127.5
).astype(np.uint8)


def subject(tmp_path, of, inputs, labels=LABELS):
    """A run, as if restored, whose samples are `of`(inputs)."""
    source = from_arrays(REAL, labels)
    game = Game(
        init=lambda key: ({}, {}, {}),
        players={},
        turns=(),
        inputs=inputs,
        sample=lambda state, drawn, key: of(drawn),
        critic=lambda state, batch: jnp.zeros(len(batch["image"])),
        ema={},
    )
    record = Record({}, Spec(source.shape, len(source.classes)), 1)
    run = Subject(tmp_path)
    restored = Restored(record, game, core.init(game, jax.random.key(0)))
    vars(run).update(record=record, restored=restored, opened=source)
    return run


def noise(drawn, scale=0.3):
    """Noise of the real images' distribution, and scaled."""
    return scale * (2 * jax.random.uniform(jax.random.key(7), (len(drawn["z"]), 4, 4, 1)) - 1)


INPUTS = {"z": Noise(2), "y": Label(CLASSES)}


def test_samples_as_good_as_the_data_agree_and_are_as_spread(tmp_path):
    run = subject(tmp_path, lambda drawn: pictures(drawn["y"], noise(drawn)), INPUTS)
    agreement.check(run)
    found = agreement.compute(run)
    assert found["value"] == 100.0 and found["levels"]["held-out"] == 100.0
    assert found["levels"]["spread"] == pytest.approx(1.0, abs=0.05)
    assert found["high"] == found["floor"] == 100.0 and 95 < found["low"] < 100, "3 % of none"
    bounds = found["bounds"]["spread"]
    assert bounds["low"] < found["levels"]["spread"] < bounds["high"]
    assert bounds["floor"] == pytest.approx(1.0, abs=0.05)


def test_agreement_counts_wrong_classes_and_spread_falls_with_the_noise(tmp_path):
    def of(drawn):
        wrong = jnp.where(
            jnp.arange(len(drawn["y"])) % 4 == 0, (drawn["y"] + 1) % CLASSES, drawn["y"]
        )
        return pictures(wrong, 0 * noise(drawn))

    found = agreement.compute(subject(tmp_path, of, INPUTS))
    assert found["value"] == 75.0
    run = subject(tmp_path, lambda drawn: pictures(drawn["y"], noise(drawn, 0.15)), INPUTS)
    assert agreement.compute(run)["levels"]["spread"] == pytest.approx(0.5, abs=0.03)


def test_categories_of_a_code_are_assigned_to_the_classes_that_they_show(tmp_path):
    def make(key, n, rows):
        return jax.nn.one_hot(jnp.arange(n) % 4 if rows is None else rows, 4)

    def of(drawn):  # category 0 shows class 2, 1 shows 0, 2 shows 1, and 3 one that has none left
        return pictures(jnp.array([2, 0, 1, 0])[drawn["code"].argmax(1)], 0.0)

    found = agreement.compute(subject(tmp_path, of, {"code": Code(4, make)}))
    assert found["value"] == 75.0, "three of four categories"


def test_assignment_agrees_most_of_all():
    rng = np.random.default_rng(0)
    categories, predicted = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    best = max(
        np.mean(np.array(order)[categories] == predicted)
        for order in itertools.permutations(range(4))
    )
    found = np.mean(agreement.assigned(categories, predicted) == predicted)
    assert found == best


def test_distance_and_spread_by_hand():
    images = np.array([0, 3, 9], np.uint8).reshape(3, 1, 1, 1)
    assert agreement.distance(images) * 255 == pytest.approx((3 + 9 + 6) / 3)
    few = np.repeat(images, 3, axis=0)
    assert np.isnan(agreement.spread(few, np.zeros(9), few, np.zeros(9))), "nine of a class"


def test_runs_without_labels_are_refused(tmp_path):
    of = lambda drawn: jnp.zeros((len(drawn["z"]), 4, 4, 1))  # noqa: E731
    with pytest.raises(UserError, match="take no label"):
        agreement.check(subject(tmp_path, of, {"z": Noise(2)}))
    with pytest.raises(UserError, match="have no labels"):
        agreement.check(subject(tmp_path, of, INPUTS, labels=None))


def test_points_are_classified_and_measured_in_their_own_units(tmp_path):
    points = np.float32([[3.0, 0.0], [-3.0, 0.0], [0.0, 3.0]])
    rng = np.random.default_rng(0)
    real = points[LABELS] + rng.normal(size=(N, 2)).astype(np.float32)
    run = subject(tmp_path, lambda drawn: jnp.asarray(points)[drawn["y"]] + drawn["z"], INPUTS)
    source = from_arrays(real, LABELS)
    vars(run).update(record=Record({}, Spec((2,), CLASSES), 1), opened=source)
    found = agreement.compute(run)
    assert found["value"] > 90 and found["levels"]["spread"] == pytest.approx(1.0, abs=0.15)
