"""Sources from arrays: columns, dtypes, fingerprints, and arrays that are refused."""

import dataclasses

import numpy as np
import pytest

from jaxgan.data.source import digest, from_arrays
from jaxgan.runtime.errors import UserError

IMAGES = np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1)


def test_columns_are_gathered_in_the_requested_order():
    conditions = np.arange(6.0).reshape(3, 2)
    source = from_arrays(IMAGES, np.array([1, 0, 1]), ("a", "b"), conditions)
    batch = source.gather(np.array([2, 0, 2]))
    np.testing.assert_array_equal(batch["image"], IMAGES[[2, 0, 2]])
    assert batch["label"].tolist() == [1, 1, 1]
    assert batch["condition"].tolist() == [[4, 5], [0, 1], [4, 5]]
    assert (batch["label"].dtype, batch["condition"].dtype) == (np.int32, np.float32)
    assert (source.size, source.shape, source.classes) == (3, (2, 2, 1), ("a", "b"))
    assert source.condition_dim == 2


def test_unnamed_classes_are_numbered():
    assert from_arrays(IMAGES, np.array([0, 2, 0])).classes == ("0", "1", "2")


def test_floats_of_any_shape_pass_through():
    points = np.array([[0.5, -2.0], [3.0, 4.0]], np.float32)
    source = from_arrays(points)
    assert (source.shape, source.classes, source.condition_dim) == ((2,), (), 0)
    np.testing.assert_array_equal(source.gather(np.array([1]))["image"], points[1:])


def test_the_fingerprint_is_of_every_column_and_name():
    labels, rows = np.array([0, 1, 1]), np.ones((3, 2))
    given = [
        (IMAGES,),
        (IMAGES[::-1],),
        (IMAGES.reshape(3, 4, 1, 1),),
        (IMAGES.astype(np.float32),),
        (IMAGES, labels),
        (IMAGES, labels[::-1]),
        (IMAGES, labels, ("a", "b")),
        (IMAGES, None, (), rows),
        (IMAGES, None, (), 2 * rows),
        (IMAGES, labels, (), rows),
    ]
    marks = [from_arrays(*columns).fingerprint for columns in given]
    assert len(set(marks)) == len(given) and all(len(mark) == 32 for mark in marks)
    again = [
        from_arrays(*(np.copy(c) if len(c) else c for c in columns if c is not None))
        for columns in given[:2]
    ]
    assert [source.fingerprint for source in again] == marks[:2]


def test_a_memory_mapped_array_is_hashed_by_its_reader_alone(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert from_arrays(mapped).fingerprint == ""
    mark = digest({"image": mapped})
    assert from_arrays(mapped, fingerprint=mark).fingerprint == from_arrays(IMAGES).fingerprint


def test_the_line_says_what_the_data_are():
    source = from_arrays(IMAGES, np.array([0, 2, 2]), original="9x9 gray", notes=("a note",))
    assert (
        source.describe()
        == source.found
        == ("3 images of 3 classes (0 1, 1 0, 2 2; without an image: 1), 9x9 gray -> 2x2x1; a note")
    )
    assert from_arrays(POINTS).found == "3 points"
    many = from_arrays(IMAGES, np.zeros(3, int), [f"c{k}" for k in range(7)], np.ones((3, 1)))
    assert "7 classes (c0 3, c1 0, c2 0, c3 0, c4 0 and 2 more;" in many.found
    assert "with conditions of 1 number, 2x2x1" in many.found
    bare = dataclasses.replace(many, found="", gather=lambda rows: 1 / 0)
    assert bare.describe().startswith("3 images of 7 classes (c0, c1, c2, c3, c4 and 2 more)")


POINTS = np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("columns", "dtype"),
    [
        ({"images": IMAGES}, "uint8"),
        ({"images": IMAGES, "labels": np.array([1, 0, 1])}, "uint8"),
        ({"images": IMAGES, "conditions": np.zeros((3, 5))}, "uint8"),
        ({"images": IMAGES, "labels": np.arange(3), "conditions": np.ones((3, 1))}, "uint8"),
        ({"images": POINTS}, "float32"),
        ({"images": POINTS, "labels": np.arange(3)}, "float32"),
    ],
)
def test_abstract_columns_are_those_of_gathered_items(columns, dtype):
    source = from_arrays(**columns)
    for rows in (np.array([2]), np.array([0, 2, 1, 1])):
        gathered = source.gather(rows)
        found = {name: (column.shape, column.dtype.name) for name, column in gathered.items()}
        assert source.abstract(len(rows)) == found
    assert source.dtype == dtype


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((IMAGES.astype(np.float64),), "float64"),
        ((IMAGES[..., 0],), r"shape \(3, 2, 2\)"),
        ((IMAGES[:0],), "empty"),
        ((IMAGES, np.array([0, 1])), "one per image"),
        ((IMAGES, np.array([0.0, 1.5, 0.0])), "not all whole numbers"),
        ((IMAGES, np.array([0, -1, 0])), "from 0 to the last"),
        ((IMAGES, np.array([0, 2, 0]), ("a", "b")), "from 0 to 1, as 2 classes"),
        ((IMAGES, None, ("a",)), "no labels"),
        ((IMAGES, None, (), np.zeros((2, 4))), "one row per image"),
        ((IMAGES, None, (), np.zeros((3, 4), np.int64)), "int64"),
    ],
)
def test_arrays_of_other_shapes_dtypes_and_labels_are_refused(args, message):
    with pytest.raises(UserError, match=message):
        from_arrays(*args)
