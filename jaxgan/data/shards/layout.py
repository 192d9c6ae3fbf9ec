"""What a folder of records holds: its files, how an item lies in its record, and records.json.

    records.json                           a `Layout`: what the shards hold, and of what it was made
    images-00000-of-00016.array_record     items in order, a record each (ArrayRecord)
    labels.npy                             int32 (N,), all labels; where items have labels

A record is an item's pixels, uint8 (H, W, C), then its label, int32, then its condition, float32
(D,), both little-endian, those that the data have; of one size, so nothing needs to be parsed.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data import columns
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

NAME = "records.json"
LABELS = "labels.npy"
VERSION = 1  # of the form; increment it when an older reader would misread
SHARDS = 512  # at most: each is an open file of a run
_LONGEST = 2**26  # bytes of records.json
_SIDE = 2**16  # pixels
_NOTES = 100
_FINGERPRINT = 32  # hexadecimal digits


class Layout(NamedTuple):
    """What a folder of records holds.

    shape: (H, W, C) of an item. counts: items of each shard; an empty one has no file. sizes: bytes
    of each shard's file. classes: names, () without labels. condition_dim: numbers of a condition.
    fingerprint: of the content, that of a `folder:` of the same pictures. labels: the digest of
    labels.npy, '' without one. original, notes: see summary.line. prepared: from what and how, for
    people and for jaxgan.prepare.
    """

    shape: tuple[int, int, int]
    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    classes: tuple[str, ...]
    condition_dim: int
    fingerprint: str
    labels: str
    original: str
    notes: tuple[str, ...]
    prepared: Mapping[str, Any]


class Form(NamedTuple):
    """How an item lies in its record.

    shape: (H, W, C). labeled: whether it has a label. condition_dim: numbers of its condition.
    """

    shape: tuple[int, int, int]
    labeled: bool
    condition_dim: int

    @property
    def pixels(self) -> int:
        """The bytes of an item's pixels."""
        height, width, channels = self.shape
        return height * width * channels

    @property
    def size(self) -> int:
        """The bytes of a record."""
        return self.pixels + 4 * self.labeled + 4 * self.condition_dim

    def pack(self, image: np.ndarray, label: int, condition: np.ndarray | None) -> bytes:
        """Returns the record of an item: image uint8 (H, W, C), condition float32 (D,) or None."""
        record = np.ascontiguousarray(image).tobytes()
        if self.labeled:
            record += label.to_bytes(4, "little", signed=True)
        if condition is not None:
            record += np.asarray(condition, "<f4").tobytes()
        return record

    def unpack(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the columns of records, uint8 (n, size), as Source.gather does."""
        at = self.pixels
        found = {"image": np.ascontiguousarray(rows[:, :at]).reshape(-1, *self.shape)}
        if self.labeled:
            own = np.ascontiguousarray(rows[:, at : at + 4])
            found["label"] = own.view("<i4")[:, 0].astype(np.int32)
            at += 4
        if self.condition_dim:
            found["condition"] = np.ascontiguousarray(rows[:, at:]).view("<f4").astype(np.float32)
        return found


def shard(index: int, total: int) -> str:
    """Returns the name of a shard's file."""
    return f"images-{index:05d}-of-{total:05d}.array_record"


def form(layout: Layout) -> Form:
    """Returns how the items of a folder lie in their records."""
    return Form(layout.shape, bool(layout.classes), layout.condition_dim)


def write(folder: Path, layout: Layout) -> None:
    """Writes records.json; UserError where it cannot be written."""
    body = {"version": VERSION, **layout._asdict()}
    files.write(folder / NAME, json.dumps(body, indent=1) + "\n")


def read(folder: Path) -> Layout:
    """Reads records.json and checks each value of it, and that the shards have their sizes.

    Raises:
      UserError: no such folder, an unfinished one, or one that is damaged or of another form.
    """
    path = folder / NAME
    if not folder.is_dir():
        raise UserError(f"config.data: no folder {folder}; check the path after 'records:'")
    if not path.exists():
        if (folder / "preparing").is_dir():
            raise UserError(
                f"config.data: {folder} is not prepared to its end; run its command of "
                "jaxgan.prepare again, which continues"
            )
        raise UserError(
            f"config.data: {folder} has no {NAME}; make it by "
            "python -m jaxgan.prepare SOURCE --out=FOLDER, or write folder: for pictures"
        )
    with files.reading(path):
        if not path.is_file() or path.stat().st_size > _LONGEST:
            raise UserError(f"config.data: {path} is no file of this form; prepare it again")
        data = path.read_bytes()
    try:
        body = json.loads(data)
        version = body.pop("version")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise UserError(
            f"config.data: {path} is damaged ({reason(error)}); prepare it again"
        ) from error
    if version != VERSION:
        raise UserError(
            f"config.data: {path} has version {version!r:.20}, and this jaxgan reads {VERSION}; "
            "prepare it again, or use the jaxgan that made it"
        )
    layout = _checked(body, path)
    _check_shards(folder, layout)
    return layout


def _checked(body: Mapping[str, Any], path: Path) -> Layout:
    """Returns a layout whose every value was checked; raises UserError for others."""

    def need(fits: bool, key: str) -> None:
        if not fits:
            raise UserError(f"config.data: {path} is damaged ({key}); prepare it again")

    for key in Layout._fields:
        need(key in body, f"no {key!r}")
    need(set(body) == set(Layout._fields), "keys that are not known")
    shape, counts, sizes = body["shape"], body["counts"], body["sizes"]
    need(_whole(shape, 1, _SIDE) and len(shape) == 3 and shape[2] in columns.CHANNELS, "shape")
    need(_whole(counts, 0, 2**40) and 1 <= len(counts) <= SHARDS and sum(counts) > 0, "counts")
    need(_whole(sizes, 0, 2**60) and len(sizes) == len(counts), "sizes")
    need(_texts(body["classes"]) and _whole([body["condition_dim"]], 0, 2**20), "classes")
    need(_texts([body["original"]]) and _texts(body["notes"]), "notes")
    need(len(body["notes"]) <= _NOTES, "notes")
    for key, empty in (("fingerprint", False), ("labels", True)):
        text = body[key]
        digits = isinstance(text, str) and not set(text) - set("0123456789abcdef")
        need(digits and (len(text) == _FINGERPRINT or (empty and not text)), key)
    need(bool(body["classes"]) == bool(body["labels"]), "labels")
    need(isinstance(body["prepared"], dict), "prepared")
    lists = ("shape", "counts", "sizes", "notes")
    plain = {key: tuple(body[key]) for key in lists}
    return Layout(**{**body, **plain, "classes": columns.names(body["classes"])})


def _whole(values: Any, low: int, high: int) -> bool:
    return isinstance(values, list) and all(type(n) is int and low <= n <= high for n in values)


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(text, str) for text in values)


def _check_shards(folder: Path, layout: Layout) -> None:
    """Checks that each shard is there, of the size that was written; reads none of it.

    Raises:
      UserError: one is not.
    """
    for i, (count, size) in enumerate(zip(layout.counts, layout.sizes, strict=True)):
        path = folder / shard(i, len(layout.counts))
        if not count:
            continue
        found = path.stat().st_size if path.is_file() else -1
        if found != size:
            what = "is missing" if found < 0 else f"has {found} bytes in place of {size}"
            raise UserError(f"config.data: {path} {what}; copy it again, or prepare it again")


def labels(folder: Path, layout: Layout) -> np.ndarray | None:
    """Returns all labels, int32 (N,), or None where items have none.

    Raises:
      UserError: labels.npy is missing or damaged.
    """
    if not layout.labels:
        return None
    path = folder / LABELS
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
        if found.dtype != np.int32 or digest_of(found) != layout.labels:
            raise ValueError("its labels are not those that were written")
    except Exception as error:  # a damaged header makes NumPy's reader raise anything
        raise UserError(
            f"config.data: {path} is damaged ({reason(error)}); copy it again, or prepare it again"
        ) from error
    return columns.labels(found, sum(layout.counts), len(layout.classes))


def digest_of(labels: Sequence[int] | np.ndarray) -> str:
    """Returns the digest of labels that records.json has."""
    from jaxgan.data.source import digest

    return digest({"label": np.asarray(labels, np.int32)})
