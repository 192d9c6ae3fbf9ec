"""What samples are drawn from: each kind of input, its check, and its messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import inputs
from jaxgan.core.inputs import Code, Image, Label, Noise, Vector
from jaxgan.losses.auxiliary import infogan
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
CODE = Code(10, infogan(categories=10, continuous=2).code)
PICTURES = np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 1)).astype(np.float32)


def test_noise_is_standard_normal():
    z = np.asarray(Noise(5).draw(KEY, 4000, None))
    assert z.shape == (4000, 5) and z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose(np.cov(z.T), np.eye(5), atol=0.08)
    assert (z != Noise(5).draw(jax.random.key(1), 4000, None)).any()


def test_labels_cycle_through_the_classes_unless_rows_are_given():
    label = Label(3)
    drawn = label.draw(KEY, 7, None)
    np.testing.assert_array_equal(drawn, [0, 1, 2, 0, 1, 2, 0])
    assert drawn.dtype == jnp.int32
    np.testing.assert_array_equal(label.draw(KEY, 2, jnp.array([2, 2])), [2, 2])


def test_a_code_has_the_given_categories():
    code = np.asarray(CODE.draw(KEY, 50, None))
    assert code.shape == (50, 12) and len(set(code[:, :10].argmax(axis=1))) > 5
    given = np.asarray(CODE.draw(KEY, 3, jnp.array([4, 0, 9])))
    np.testing.assert_array_equal(given[:, :10], np.eye(10)[[4, 0, 9]])
    assert len(np.unique(given[:, 10:])) == 6, "its numbers are drawn nevertheless"


def test_a_vector_is_zero_unless_rows_are_given():
    vector = Vector(4)
    np.testing.assert_array_equal(vector.draw(KEY, 2, None), np.zeros((2, 4)))
    rows = jnp.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(vector.draw(KEY, 2, rows), rows)


def test_images_are_the_given_rows():
    image = Image((4, 4, 1))
    np.testing.assert_array_equal(image.draw(KEY, 3, PICTURES), PICTURES)
    with pytest.raises(UserError, match="draws from images; pass them, as in --images=FILE.npy"):
        image.draw(KEY, 3, None)
    with pytest.raises(UserError, match="draws from images"):
        inputs.draw({"x": image}, KEY, 3)


@pytest.mark.parametrize(
    ("field", "column", "of_data"),
    [
        (Noise(2), "", False),
        (Label(2), "label", False),
        (CODE, "label", False),
        (Vector(2), "condition", True),
        (Image((2, 2, 1)), "image", True),
        (Image((2, 2, 1), column="photo"), "photo", True),
    ],
)
def test_columns_that_fields_take_their_values_from(field, column, of_data):
    assert (field.column, field.of_data) == (column, of_data)


def test_images_may_come_from_another_column():
    drawn = inputs.draw({"x": Image((4, 4, 1), column="photo")}, KEY, 3, {"photo": PICTURES})
    np.testing.assert_array_equal(drawn["x"], PICTURES)


@pytest.mark.parametrize(
    ("field", "rows"),
    [
        (Label(3), [0, 2]),
        (CODE, [0, 9]),
        (Vector(4), np.zeros((2, 4))),
        (Image((4, 4, 1)), PICTURES),
        (Noise(2), [7]),
    ],
)
def test_rows_that_fit_are_accepted(field, rows):
    assert field.check(np.asarray(rows)) is None


@pytest.mark.parametrize(
    ("field", "rows", "text"),
    [
        (Label(3), [0, 3], "labels 0 to 3: this model takes 0 to 2"),
        (Label(3), [-1, 1], "labels -1 to 1: this model takes 0 to 2"),
        (CODE, [2, 10], "labels 2 to 10: this model takes 0 to 9"),
        (Vector(4), np.zeros((2, 3)), "conditions of length 3: this model takes 4"),
        (Image((4, 4, 1)), np.zeros((2, 8, 4, 3)), "images of 8x4x3: this model takes 4x4x1"),
    ],
)
def test_rows_that_do_not_fit_are_refused(field, rows, text):
    rows = np.asarray(rows)
    with pytest.raises(UserError, match=f"^{text}$"):
        field.check(rows)
    with pytest.raises(UserError, match=f"^{text}$"):
        inputs.check({"z": Noise(2), "own": field}, {field.column: rows})
    with pytest.raises(UserError, match=f"^{text}$"):
        inputs.draw({"z": Noise(2), "own": field}, KEY, len(rows), {field.column: rows})


@pytest.mark.parametrize(
    ("declared", "column", "text"),
    [
        ({"z": Noise(2)}, "label", "no label can be drawn: .* neither labels nor conditions"),
        ({"z": Noise(2), "y": Vector(3)}, "label", "no label can be drawn: .* takes vectors"),
        ({"y": Label(3)}, "condition", "no condition can be drawn: this model takes labels"),
        ({"y": Label(3), "x": Image((2, 2, 1))}, "condition", "takes labels and images"),
        ({"y": Label(3), "x": Image((2, 2, 1), "photo")}, "depth", "takes labels and photo"),
        ({"z": Noise(2)}, "", "no .* can be drawn"),
    ],
)
def test_an_unknown_column_is_refused(declared, column, text):
    with pytest.raises(UserError, match=text):
        inputs.draw(declared, KEY, 2, {column: np.zeros((2, 3))})


def test_a_field_is_drawn_by_its_name_whatever_the_others_are():
    alone = inputs.draw({"z": Noise(4)}, KEY, 3)
    among = inputs.draw({"y": Label(5), "c": CODE, "z": Noise(4), "w": Noise(4)}, KEY, 3)
    np.testing.assert_array_equal(alone["z"], among["z"])
    assert set(among) == {"y", "c", "z", "w"}
    assert (among["z"] != among["w"]).any(), "fields of different names share no draw"
    given = inputs.draw({"y": Label(5), "z": Noise(4)}, KEY, 3, {"label": jnp.array([4, 4, 4])})
    np.testing.assert_array_equal(given["z"], alone["z"])


def test_size_is_the_number_of_samples():
    declared = {"x": Image((4, 4, 1)), "y": Label(5)}
    assert inputs.size(inputs.draw(declared, KEY, 3, {"image": PICTURES})) == 3
    assert inputs.size(inputs.draw({"z": Noise(4)}, KEY, 6)) == 6
