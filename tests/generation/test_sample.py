"""Samples of games without nets: the inputs they are drawn from, in batches, rows and sweeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.game import Game
from jaxgan.core.inputs import Code, Image, Label, Noise, Vector
from jaxgan.generation import sample
from jaxgan.runtime.errors import UserError
from jaxgan.visual.grid import to_uint8

CODE = Code(3, lambda key, n, rows: jnp.zeros((n, 4)))


def draw(inputs, of, n, given=None, **options):
    """Samples of a game with these inputs whose images are `of`(inputs)."""
    game = Game(
        init=lambda key: ({}, {}, {}),
        players={},
        turns=(),
        inputs=inputs,
        sample=lambda state, drawn, key: of(drawn),
        critic=lambda state, batch: jnp.zeros(len(batch["image"])),
        ema={},
    )
    state = core.init(game, jax.random.key(0))
    return sample.draw(game, state, n, 0, given or {}, **options)


def column(name):
    """Images of one pixel, its brightness a number of the input `name`."""
    return lambda drawn: (drawn[name].reshape(len(drawn[name]), -1)[:, :1] / 4)[:, None, None]


def test_every_image_is_of_its_own_latent_across_batches():
    n = 2 * sample.BATCH + 7
    images, inputs = draw({"z": Noise(3)}, column("z"), n)
    assert images.shape == (n, 1, 1, 1) and images.dtype == np.uint8
    assert inputs["z"].shape == (n, 3)
    np.testing.assert_array_equal(images, to_uint8(column("z")(inputs)))
    assert len(np.unique(images)) > 50


def test_labels_are_drawn_in_turn_unless_rows_are_given():
    _, inputs = draw({"z": Noise(2), "y": Label(3)}, column("y"), 5)
    np.testing.assert_array_equal(inputs["y"], [0, 1, 2, 0, 1])
    given = {"label": np.array([2, 0])}
    images, inputs = draw({"z": Noise(2), "y": Label(3)}, column("y"), 5, given)
    np.testing.assert_array_equal(inputs["y"], [2, 0, 2, 0, 2])
    np.testing.assert_array_equal(images[:, 0, 0, 0], to_uint8(inputs["y"] / 4))


def test_images_are_drawn_from_in_turn():
    pixels = np.linspace(-1, 1, 2 * 2 * 2, dtype=np.float32).reshape(2, 2, 2, 1)
    images, inputs = draw({"x": Image((2, 2, 1))}, lambda drawn: -drawn["x"], 3, {"image": pixels})
    np.testing.assert_array_equal(inputs["x"], pixels[[0, 1, 0]])
    np.testing.assert_array_equal(images, to_uint8(-pixels)[[0, 1, 0]])


@pytest.mark.parametrize(
    ("inputs", "given", "text"),
    [
        ({"x": Image((2, 2, 1))}, {}, "draws from images; pass them, as in --images=FILE.npy"),
        ({"x": Image((2, 2, 1))}, {"image": np.zeros((1, 4, 4, 1))}, "4x4x1: .* takes 2x2x1"),
        ({"z": Noise(2)}, {"label": np.array([1])}, "takes neither labels nor conditions"),
        ({"y": Label(3)}, {"label": np.array([0, 3])}, "labels 0 to 3: this model takes 0 to 2"),
        ({"y": Vector(2)}, {"condition": np.zeros((1, 3))}, "length 3: this model takes 2"),
        ({"y": Vector(2)}, {"label": np.array([1])}, "this model takes vectors"),
    ],
)
def test_rows_that_do_not_fit_are_refused(inputs, given, text):
    with pytest.raises(UserError, match=text):
        draw(inputs, lambda drawn: pytest.fail("drawn"), 2, given)


def test_a_sweep_makes_a_row_of_each_sample():
    inputs = {"z": Noise(2), "y": Vector(3)}
    given = {"condition": np.array([[0.5, 0.0, 2.0], [1.0, 3.0, 4.0]], np.float32)}
    images, drawn = draw(inputs, column("y"), 2, given, sweep=0)
    assert images.shape == (2 * sample.COLUMNS, 1, 1, 1)
    line = np.linspace(-1, 1, sample.COLUMNS, dtype=np.float32)
    np.testing.assert_allclose(drawn["y"][:, 0], np.tile(line, 2))
    np.testing.assert_array_equal(drawn["y"][:, 1:], np.repeat(given["condition"][:, 1:], 10, 0))
    np.testing.assert_array_equal(images[:, 0, 0, 0], to_uint8(drawn["y"][:, 0] / 4))
    assert len(np.unique(drawn["z"], axis=0)) == 2


@pytest.mark.parametrize(
    ("inputs", "numbers"),
    [({"z": Noise(2)}, 0), ({"z": Noise(2), "y": Label(3)}, 0), ({"y": Vector(3)}, 3)],
    ids=["unconditional", "labels", "vectors"],
)
def test_a_sweep_of_a_number_that_the_condition_lacks_is_refused(inputs, numbers):
    text = f"--sweep=3: this model's condition has {numbers} numbers, from 0"
    with pytest.raises(UserError, match=text):
        draw(inputs, column("y"), 1, sweep=3)


def test_inputs_take_their_columns_of_the_data():
    columns = {
        "image": np.array([0, 51, 255], np.uint8).reshape(1, 3, 1, 1),
        "label": np.array([2], np.int32),
        "condition": np.ones((1, 5), np.float32),
    }
    declared = {"z": Noise(2), "x": Image((3, 1, 1)), "y": Label(3), "text": Vector(5)}
    given = sample.of_data(declared, columns)
    assert set(given) == {"image", "label", "condition"}
    assert given["image"].dtype == np.float32
    np.testing.assert_allclose(given["image"].ravel(), [-1, -0.6, 1], atol=1e-6)
    for name in ("label", "condition"):
        np.testing.assert_array_equal(given[name], columns[name])
    points = {"image": np.array([[0.5, -3.0]], np.float32)}
    np.testing.assert_array_equal(
        sample.of_data({"x": Image((2,))}, points)["image"], points["image"]
    )


@pytest.mark.parametrize(
    ("declared", "taken"),
    [
        ({"z": Noise(2)}, set()),
        ({"z": Noise(2), "y": CODE}, set()),
        ({"z": Noise(2), "y": Label(3)}, {"label"}),
        ({"x": Image((1, 1, 1)), "y": Vector(5)}, {"image"}),
    ],
    ids=["noise", "code", "label", "absent"],
)
def test_columns_that_no_input_takes_and_categories_of_codes_are_left_out(declared, taken):
    columns = {"image": np.zeros((1, 1, 1, 1), np.uint8), "label": np.array([0], np.int32)}
    assert set(sample.of_data(declared, columns)) == taken
