"""Checks of columns: channel order, labels, names of classes, conditions."""

import numpy as np
import pytest

from jaxgan.data import columns
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize("shape", [(5, 3, 32, 32), (5, 1, 28, 28), (5, 4, 64, 48), (9, 3, 64, 1)])
def test_channels_first_are_recognized(shape):
    with pytest.raises(UserError, match=r"looks like channels first.*transpose\(0, 2, 3, 1\)"):
        columns.check_channels(shape)


@pytest.mark.parametrize("shape", [(32, 32, 3, 900), (5, 32, 3, 32), (5, 8, 8, 2), (5, 8, 8, 5)])
def test_other_numbers_of_channels_are_refused(shape):
    with pytest.raises(UserError, match=f"have {shape[-1]} channels; give"):
        columns.check_channels(shape)


@pytest.mark.parametrize("shape", [(5, 3, 3, 3), (5, 1, 1, 4), (5, 4, 4, 1), (5, 32, 3, 3)])
def test_channels_last_are_accepted(shape):
    columns.check_channels(shape)


def test_names_are_text_and_unique():
    assert columns.names(np.array([b"cat", b"d\xff"])) == ("cat", "d�")
    assert columns.names([3, 1]) == ("3", "1")
    with pytest.raises(UserError, match="more than once: cat; rename"):
        columns.names(["cat", "dog", "cat"])
    with pytest.raises(UserError, match=r"shape \(1, 2\)"):
        columns.names([["cat", "dog"]])


@pytest.mark.parametrize(
    ("labels", "want"),
    [
        (np.array([1.0, 0.0, 2.0]), [1, 0, 2]),
        (np.array([[1], [0], [2]], np.uint8), [1, 0, 2]),
        (np.array([True, False, True]), [1, 0, 1]),
    ],
)
def test_whole_numbers_of_any_dtype_are_labels(labels, want):
    got = columns.labels(labels, 3, 0)
    assert got.dtype == np.int32 and got.tolist() == want


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(3), r"store labels.argmax\(axis=1\)"),
        (np.array([0.0, np.nan, 1.0]), "not all whole numbers"),
        (np.array(["a", "b", "c"]), r"labels are texts; .* np.unique\(labels, return_inverse"),
        (np.array([0j, 1, 2]), "give integers"),
        (np.array([1, 2, 3]), "range from 1 to 3; number them from 0 to 2"),
    ],
)
def test_labels_that_number_no_class_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        columns.labels(labels, 3, 3)


def test_unnamed_classes_need_plausible_numbers():
    with pytest.raises(UserError, match="makes 1099511627777 classes; number .* without gaps"):
        columns.labels(np.array([0, 1, 2**40]), 3, 0)


def test_conditions_must_be_finite_floats():
    rows = np.array([[0.0, 1], [np.inf, 0], [1e300, 0]])
    with pytest.raises(UserError, match="of 2 images are not finite, the first in row 1"):
        columns.conditions(rows, 3)
    with pytest.raises(UserError, match="one row per image"):
        columns.conditions(rows[:, :0], 3)
