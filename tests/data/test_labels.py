"""Labels of class folders and dataset.json, conditions, and where they contradict."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxgan.data import labels
from jaxgan.data.tree import tree
from jaxgan.runtime.errors import UserError

SHARDS = ["00000/a.png", "00000/b.png", "00001/c.png"]
CLASSES = ["cat/a.png", "cat/b.png", "dog/c.png"]


def read(root: Path, files: list[str], table: object = None, text: str = "") -> labels.Columns:
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    if text or table is not None:
        (root / "dataset.json").write_text(text or json.dumps(table))
    return labels.read(tree(root))


def pairs(files: list[str], *given: object) -> dict[str, list]:
    return {"labels": [list(pair) for pair in zip(files, given, strict=True)]}


def test_nan_is_one_label_and_not_two(tmp_path):
    found = read(tmp_path, SHARDS, pairs(SHARDS, 0, float("nan"), 2))
    np.testing.assert_array_equal(found.labels, [0, np.nan, 2])  # refused by data.columns


def test_dataset_json_numbers_the_classes(tmp_path):
    found = read(tmp_path, SHARDS, pairs(SHARDS[::-1], 0, 6, 6))
    assert found.labels.tolist() == [6, 6, 0] and found.classes == ()
    assert found.notes == ("labels of dataset.json",)


def test_lists_are_conditions_and_texts_are_classes(tmp_path):
    found = read(tmp_path / "a", SHARDS, pairs(SHARDS, [0, 1.5], [1, 0], [2, 2]))
    assert found.conditions.tolist() == [[0, 1.5], [1, 0], [2, 2]]
    assert (found.labels, found.classes) == (None, ())
    found = read(tmp_path / "b", CLASSES, pairs(CLASSES, [0.5], [1], [2]))
    assert found.labels.tolist() == [0, 0, 1] and found.classes == ("cat", "dog")
    found = read(tmp_path / "c", SHARDS, pairs(SHARDS, "dog", "cat", "dog"))
    assert found.labels.tolist() == [1, 0, 1] and found.classes == ("cat", "dog")


def test_null_is_no_label(tmp_path):
    found = read(tmp_path, ["x.png", *SHARDS], {"labels": None})
    assert found == labels.Columns()


def test_a_mapping_and_files_that_are_not_there_are_accepted(tmp_path):
    table = {"labels": {"00000/a.png": 1, "00000\\b.png": 0, "./00001/c.png": 1, "z.png": 9}}
    found = read(tmp_path, SHARDS, table)
    assert found.labels.tolist() == [1, 0, 1]
    assert found.notes[1:] == ("not there of dataset.json: 1 file",)


def test_folders_that_agree_are_accepted(tmp_path):
    assert read(tmp_path / "a", CLASSES, pairs(CLASSES, 1, 1, 0)).labels.tolist() == [1, 1, 0]
    assert read(tmp_path / "b", CLASSES, pairs(CLASSES, "cat", "cat", "dog")).classes
    numbers = ["0/a.png", "1/b.png"]
    assert read(tmp_path / "c", numbers, pairs(numbers, 0, 1)).labels.tolist() == [0, 1]
    one = ["images/a.png", "images/b.png"]
    assert read(tmp_path / "d", one, pairs(one, 0, 1)).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("files", "given"),
    [
        (CLASSES, (0, 1, 1)),
        (CLASSES, (0, 0, 0)),
        (CLASSES, ("dog", "dog", "cat")),
        (["0/a.png", "1/b.png"], (1, 0)),
    ],
)
def test_folders_that_contradict_are_refused(tmp_path, files, given):
    with pytest.raises(UserError, match=r"contradicts the folders .*remove dataset.json"):
        read(tmp_path, files, pairs(files, *given))


@pytest.mark.parametrize(
    ("files", "table", "message"),
    [
        (SHARDS, pairs(SHARDS[:1], 6), "no label for 2 images of 3: 00000/b.png, 00001/c.png; add"),
        (SHARDS, {"files": []}, "has no 'labels'; write"),
        (SHARDS, [1], "has no 'labels'"),
        (SHARDS, {"labels": 3}, "no list of names and labels"),
        (SHARDS, {"labels": [["a.png"]]}, "no list of names and labels"),
        (SHARDS, {"labels": [[1, "a.png"]]}, "no list of names and labels"),
        (SHARDS, pairs([*SHARDS, SHARDS[0]], 0, 1, 2, 1), "lists 00000/a.png with two labels"),
        (SHARDS, pairs(SHARDS, 0, "cat", 1), "not all whole numbers, all texts or all lists"),
        (SHARDS, pairs(SHARDS, 0, None, 1), "not all whole numbers"),
        (SHARDS, pairs(SHARDS, 0, True, 1), "not all whole numbers"),
        (SHARDS, pairs(SHARDS, 0, [1], 1), "not all whole numbers"),
        (SHARDS, pairs(SHARDS, [0], [1, 2], [3]), "not lists of numbers of one length"),
        (SHARDS, pairs(SHARDS, [0], ["a"], [3]), "not lists of numbers"),
        (SHARDS, pairs(SHARDS, [0], [10**400], [3]), "too large for floats"),
        (CLASSES, {"labels": None}, "has no labels, but the folders cat, dog look like classes"),
    ],
)
def test_other_contents_are_refused(tmp_path, files, table, message):
    with pytest.raises(UserError) as caught:
        read(tmp_path, files, table)
    assert str(caught.value).startswith("config.data: dataset.json")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_broken_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="dataset.json is not readable"):
        read(tmp_path, SHARDS, text='{"labels": [')
    with pytest.raises(UserError, match="dataset.json is not readable"):
        read(tmp_path, SHARDS, text="[" * 100_000)


@pytest.mark.parametrize("name", ["dataset.json", "conditions.npy"])
def test_damaged_members_of_a_zip_are_refused(tmp_path, name):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", "")
        archive.writestr(name, '{"labels": null}' * 9)
        offset = archive.getinfo(name).header_offset + 60
    data = bytearray(path.read_bytes())
    data[offset] ^= 1  # its checksum does not fit any more
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is not .*Bad CRC-32"):
        labels.read(tree(path))


def test_one_number_is_no_row_of_conditions(tmp_path):
    np.save(tmp_path / "conditions.npy", np.float32(1))
    with pytest.raises(UserError, match="has 0 rows for 1 image"):
        read(tmp_path, ["a.png"])


def test_conditions_come_from_one_file(tmp_path):
    np.save(tmp_path / "conditions.npy", np.zeros((3, 2)))
    assert read(tmp_path, SHARDS, pairs(SHARDS, 0, 1, 2)).conditions.shape == (3, 2)
    with pytest.raises(UserError, match="and so has conditions.npy; remove one"):
        read(tmp_path, SHARDS, pairs(SHARDS, [0], [1], [2]))


def test_bad_files_need_no_label_and_make_no_class(tmp_path):
    np.save(tmp_path / "conditions.npy", np.arange(5.0)[:, None])
    for name in ("0.png", "emu"):
        (tmp_path / name).symlink_to("/no/such")
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl" / "z.png").symlink_to("/no/such")
    found = read(tmp_path, CLASSES)
    assert found.labels.tolist() == [0, 0, 1] and found.classes == ("cat", "dog")
    assert found.conditions.tolist() == [[1], [2], [3]]  # of 0.png, three of CLASSES, owl/z.png
    found = read(tmp_path, CLASSES, pairs(CLASSES, 1, 1, 0))
    assert found.labels.tolist() == [1, 1, 0]


def test_picked_rows_keep_their_columns(tmp_path):
    np.save(tmp_path / "conditions.npy", np.arange(3.0)[:, None])
    found = labels.pick(read(tmp_path, CLASSES), np.array([0, 2]))
    assert found.labels.tolist() == [0, 1] and found.conditions.tolist() == [[0], [2]]
