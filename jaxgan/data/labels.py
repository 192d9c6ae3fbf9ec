"""Labels and conditions of a tree of images: class folders, dataset.json, conditions.npy."""

import io
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.summary import count, names
from jaxgan.data.tree import Tree
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

_SHARD = re.compile(r"\d{5,}")  # the folders that StyleGAN2-ADA's dataset_tool.py writes
_AT = "config.data: dataset.json"


class Columns(NamedTuple):
    """Columns in the order of a tree's readable files, and what to say of them."""

    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    conditions: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def read(tree: Tree) -> Columns:
    """Returns the columns of a tree's readable files.

    dataset.json, where there is one, has {"labels": [["00000/img00000000.png", 6], …]} or null
    for none. Whole numbers are classes, named by number; texts are classes; lists of numbers
    are conditions. The folders beside it are no classes then, but they may not contradict it.

    Raises:
      UserError: a file that is not as above, or does not cover all images.
    """
    if not tree.readable:
        return Columns()
    conditions = _conditions(tree) if "conditions.npy" in tree.sidecars else None
    if "dataset.json" not in tree.sidecars:
        return Columns(*_folders(tree), conditions)
    labels, stray = _listed(tree)
    notes = (f"not there of dataset.json: {count(stray, 'file')}",) if stray else ()
    if labels is None:
        folders = _classes(tree)
        if len(folders) > 1:
            raise UserError(
                f"{_AT} has no labels, but the folders {names(folders, 5)} look like classes; "
                "remove dataset.json, or put the images into one folder"
            )
        return Columns(None, (), conditions, notes)
    if all(isinstance(each, list) for each in labels):
        if conditions is not None:
            raise UserError(f"{_AT} has conditions and so has conditions.npy; remove one of them")
        own = _folders(tree) if _classes(tree) else (None, ())
        return Columns(*own, _rows(labels), ("conditions of dataset.json", *notes))
    numbers, classes = _numbers(labels)
    _check_folders(tree, labels)
    return Columns(numbers, classes, conditions, ("labels of dataset.json", *notes))


def _listed(tree: Tree) -> tuple[list[Any] | None, int]:
    """Returns dataset.json's label of each file, or None; and how many listed files lack."""
    try:
        table = json.loads(tree.read("dataset.json"))
    except Exception as error:  # a member of a zip raises whatever its decompressor does
        raise UserError(f"{_AT} is not readable ({reason(error)}); fix or remove it") from error
    form = 'write {"labels": [["a.png", 6], …]}, or remove it'
    if not isinstance(table, dict) or "labels" not in table:
        raise UserError(f"{_AT} has no 'labels'; {form}")
    table = table["labels"]
    if table is None:
        return None, 0
    pairs = list(table.items()) if isinstance(table, dict) else table
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str)
        for pair in pairs
    ):
        raise UserError(f"{_AT}: labels are no list of names and labels; {form}")
    found: dict[str, Any] = {}
    for name, label in pairs:
        name = name.replace("\\", "/").removeprefix("./")
        if name in found and found[name] != label:
            raise UserError(f"{_AT} lists {name} with two labels; remove one of them")
        found[name] = label
    files = tree.readable
    lacking = [name for name in files if name not in found]
    if lacking:
        raise UserError(
            f"{_AT} has no label for {count(len(lacking), 'image')} of {len(files)}: "
            f"{names(lacking, 3)}; add them, or remove the images"
        )
    return [found[name] for name in files], len(set(found) - set(tree.files))


def _numbers(labels: Sequence[Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns labels as numbers (N,), and the classes' names, () where those are numbers."""
    if all(isinstance(each, str) for each in labels):
        classes = tuple(sorted(set(labels)))
        index = {name: k for k, name in enumerate(classes)}
        return np.array([index[each] for each in labels]), classes
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in labels):
        raise UserError(
            f"{_AT}: labels are not all whole numbers, all texts or all lists of numbers; make "
            "them one kind"
        )
    return np.array(labels), ()


def _rows(labels: Sequence[list[Any]]) -> np.ndarray:
    """Returns lists of numbers as rows (N, D)."""
    lengths = {len(row) for row in labels}
    plain = all(type(x) in (int, float) for row in labels for x in row)
    if len(lengths) != 1 or not plain:
        raise UserError(f"{_AT}: conditions are not lists of numbers of one length; make them so")
    try:
        return np.array(labels, np.float64)
    except OverflowError as error:
        raise UserError(f"{_AT}: conditions are too large for floats; scale them") from error


def _check_folders(tree: Tree, labels: Sequence[Any]) -> None:
    """Refuses class folders that sort the images in another way than the labels do."""
    if len(_classes(tree)) < 2:
        return
    pairs = {(top, str(each)) for top, each in zip(_tops(tree), labels, strict=True)}
    tops, texts = ({pair[i] for pair in pairs} for i in (0, 1))
    same_names = tops & texts and any(top != text for top, text in pairs)
    if same_names or not len(pairs) == len(tops) == len(texts):
        raise UserError(
            f"{_AT} contradicts the folders {names(sorted(tops), 5)}: it sorts their images in "
            "another way; remove dataset.json, or put the images into one folder"
        )


def _tops(tree: Tree) -> list[str]:
    """Returns the folder in the tree's root that each file is in, or ''."""
    return [name.partition("/")[0] if "/" in name else "" for name in tree.readable]


def _classes(tree: Tree) -> list[str]:
    """Returns the folders in the tree's root, unless they only split it into pieces."""
    tops = set(_tops(tree))
    return [] if all(top == "" or _SHARD.fullmatch(top) for top in tops) else sorted(tops)


def _folders(tree: Tree) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the index of each file's class, int32 (N,) or None, and the classes' names."""
    tops = _tops(tree)
    classes = tuple(sorted(set(tops)))
    if classes in ((), ("",)):
        return None, ()
    if "" in classes:
        raise UserError(
            f"config.data: {tree.root} has {count(tops.count(''), 'image')} beside the class "
            f"folder {classes[1]!r}; move them into a class folder, or all images out of the "
            "class folders"
        )
    index = {name: k for k, name in enumerate(classes)}
    return np.array([index[top] for top in tops], np.int32), classes


def _conditions(tree: Tree) -> np.ndarray:
    """Returns the rows of conditions.npy, floats (N, D), whose files are readable."""
    path, size = tree.root / "conditions.npy", len(tree.files)
    try:
        rows = np.load(io.BytesIO(tree.read("conditions.npy")), allow_pickle=False)
        if not isinstance(rows, np.ndarray):
            raise ValueError("several arrays")
    except Exception as error:  # a member of a zip raises whatever its decompressor does
        raise UserError(
            f"config.data: {path} is not an array of floats ({reason(error)}); write it "
            "with np.save"
        ) from error
    n = len(rows) if rows.ndim else 0
    if n != size:
        raise UserError(
            f"config.data: {path} has {n} rows for {size} image files; "
            "give a row for each, in the sorted order of their paths"
        )
    return rows[[i for i, name in enumerate(tree.files) if name not in tree.bad]]


def pick(columns: Columns, rows: np.ndarray) -> Columns:
    """Returns the columns of some of the files, int64 (n,)."""
    labels, conditions = columns.labels, columns.conditions
    return columns._replace(
        labels=None if labels is None else labels[rows],
        conditions=None if conditions is None else conditions[rows],
    )
