"""The real images and samples that metrics compare, of games without nets."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec, Styles
from jaxgan.core.inputs import Image, Label, Noise, Vector
from jaxgan.data.source import from_arrays
from jaxgan.evaluation.compared import READ, N
from jaxgan.evaluation.subject import Subject
from jaxgan.training.workdir import Record, Restored

SIZE = READ + 20
PIXELS = np.random.default_rng(0).integers(0, 256, (SIZE, 2, 2, 1), np.uint8)
LABELS = np.arange(SIZE) % 7
VECTORS = np.random.default_rng(1).uniform(-1, 1, (SIZE, 3)).astype(np.float32)


def subject(tmp_path, inputs, of, images=PIXELS, test=None, **options):
    """A run, as if restored, whose samples are `of`(inputs)."""
    source = from_arrays(images, LABELS, conditions=VECTORS)
    source = dataclasses.replace(source, test=test)
    game = Game(
        init=lambda key: ({}, {}, {}),
        players={},
        turns=(),
        inputs=inputs,
        sample=lambda state, drawn, key: of(drawn),
        critic=lambda state, batch: jnp.zeros(len(batch["image"])),
        ema={},
    )
    record = Record({}, Spec(source.shape, 7, 3), 1)
    restored = Restored(record, game, core.init(game, jax.random.key(0)))
    run = Subject(tmp_path, **options)
    vars(run).update(record=record, restored=restored, opened=source)
    return run


def levels(y):
    """Images of a number each in [-1, 1]."""
    return jnp.broadcast_to(y.reshape(-1, 1, 1, 1), (len(y), 2, 2, 1))


def test_a_game_of_images_is_given_the_real_ones(tmp_path):
    inputs = {"x": Image((2, 2, 1))}
    real, fake = subject(tmp_path, inputs, lambda drawn: -drawn["x"], n=SIZE).pair
    np.testing.assert_array_equal(real, PIXELS)
    np.testing.assert_array_equal(fake, 255 - PIXELS)


def test_samples_have_the_labels_and_vectors_of_the_real_images(tmp_path):
    images = np.broadcast_to((LABELS * 25).astype(np.uint8)[:, None, None, None], PIXELS.shape)
    inputs = {"z": Noise(2), "y": Label(7), "text": Vector(3)}

    def of(drawn):
        return levels(drawn["y"] * 25 / 127.5 - 1)

    real, fake = subject(tmp_path, inputs, of, images, n=40).pair
    np.testing.assert_array_equal(fake, real)
    assert real.shape == (40, 2, 2, 1) and len(np.unique(real)) > 2
    first, again, other = (
        subject(tmp_path, inputs, lambda drawn: levels(drawn["text"][:, 0]), n=40, seed=seed).pair
        for seed in (3, 3, 4)
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any() and (first[1] != other[1]).any()


def test_float_images_become_bytes(tmp_path):
    floats = (PIXELS / 127.5 - 1).astype(np.float32)
    inputs = {"x": Image((2, 2, 1))}
    real, fake = subject(tmp_path, inputs, lambda drawn: drawn["x"], floats, n=30).pair
    assert real.dtype == fake.dtype == np.uint8 and len(real) == 30
    np.testing.assert_array_equal(real, fake)


@pytest.mark.parametrize(("n", "size"), [(None, min(N, SIZE)), (12, 12)])
def test_as_many_are_compared_as_asked_for_or_as_there_are(tmp_path, n, size):
    run = subject(tmp_path, {"z": Noise(1)}, lambda drawn: levels(drawn["z"]), n=n)
    assert run.size == size
    assert [len(each) for each in run.pair] == [size, size]


def test_items_kept_out_of_training_are_compared_where_there_are_any(tmp_path):
    inputs = {"x": Image((2, 2, 1))}
    run = subject(tmp_path, inputs, lambda drawn: drawn["x"])
    assert run.split == "train"
    run = subject(tmp_path, inputs, lambda drawn: drawn["x"], test=from_arrays(PIXELS[:9] // 2))
    assert run.split == "test" and run.size == 9
    np.testing.assert_array_equal(run.pair[0], PIXELS[:9] // 2)


@pytest.mark.parametrize(("n", "size"), [(40, 40), (SIZE // 2, SIZE // 2), (SIZE - 9, SIZE // 2)])
def test_halves_are_two_sets_of_the_real_images(tmp_path, n, size):
    numbered = np.zeros((SIZE, 2, 2, 3), np.uint8)
    numbered[..., 0], numbered[..., 1] = (
        np.arange(SIZE).reshape(-1, 1, 1) % 256,
        np.arange(SIZE).reshape(-1, 1, 1) // 256,
    )
    inputs = {"z": Noise(1)}
    run = subject(tmp_path, inputs, lambda drawn: jnp.zeros((n, 2, 2, 3)), numbered, n=n)
    a, b = ({tuple(image[0, 0]) for image in half} for half in run.halves)
    assert len(a) == len(b) == size and not a & b
    if n == size:
        np.testing.assert_array_equal(run.halves[0], run.pair[0])
    assert run.share == n / SIZE and run.split == "train"


def test_the_protocol_says_by_which_psi_samples_are_truncated(tmp_path):
    run = subject(tmp_path, {"z": Noise(2)}, lambda drawn: drawn["z"])
    assert run.truncation == "none"
    restored = vars(run)["restored"]
    for psi, said in ((0.7, "psi 0.7"), (1.0, "none")):
        styles = Styles(map=None, synthesize=None, mean=None, layers=2, truncated=2, psi=psi)
        game = restored.game._replace(styles=styles)
        vars(run).update(restored=restored._replace(game=game))
        assert run.truncation == said
