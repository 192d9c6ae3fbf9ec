"""The interface of every data set: a size, a shape and a function that gathers items."""

import collections
import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxgan.data import summary
from jaxgan.runtime.errors import UserError

CHANNELS = (1, 3, 4)  # gray, RGB, RGBA
_MOST_CLASSES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Source:
    """A finite, immutable data set with random access.

    `gather` maps int64 indices (n,) to a dict of arrays with leading axis n:
    'image', of `dtype`: uint8 (n, H, W, C) in [0, 255] or float32 (n, *shape), used as is;
    'label', int32 (n,), present if and only if `classes` is not empty;
    'condition', float32 (n, condition_dim), present if and only if `condition_dim` > 0.
    It must be a pure function, and safe to call from another thread.

    `found` says in one line what the data are; `describe` makes one where it is empty.
    `fingerprint`, hexadecimal, identifies the content as the run sees it (images, labels,
    conditions, names of classes) and not where it lies; '' where that is not known.
    """

    size: int
    shape: tuple[int, ...]
    gather: Callable[[np.ndarray], dict[str, np.ndarray]]
    classes: tuple[str, ...] = ()
    condition_dim: int = 0
    dtype: str = "uint8"
    found: str = ""
    fingerprint: str = ""

    def abstract(self, n: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Returns the shape and dtype of each column of n items, without reading any."""
        columns = {"image": ((n, *self.shape), self.dtype)}
        if self.classes:
            columns["label"] = ((n,), "int32")
        if self.condition_dim:
            columns["condition"] = ((n, self.condition_dim), "float32")
        return columns

    def describe(self) -> str:
        """Returns one line that says what the data are; reads no item."""
        return self.found or summary.line(
            self.size, self.shape, self.classes, condition_dim=self.condition_dim
        )


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    conditions: np.ndarray | None = None,
    *,
    original: str = "",
    notes: Sequence[str] = (),
    fingerprint: str = "",
) -> Source:
    """Builds a source from arrays, memory-mapped ones included, without copying the images.

    Args:
      images: uint8 (N, H, W, C), or float32 (N, ...), which reaches the model unchanged.
      labels: whole numbers (N,) or (N, 1) in [0, len(classes)).
      classes: names of the classes; if empty, they are '0' to str(max(labels)).
      conditions: finite floats (N, D).
      original: sizes and channels before preparation, for the line `found`.
      notes: what else that line should say.
      fingerprint: identifies the images; if empty, the bytes of images in memory are hashed,
        and those of memory-mapped ones are not.

    Raises:
      UserError: an unsupported dtype, rank, length or number of channels; a label out of range;
        repeated names; conditions that are not finite.
    """
    if not fingerprint and not isinstance(images, np.memmap):
        fingerprint = digest({"image": np.asarray(images)})
    images = _checked(np.asarray(images))
    columns = {"image": images}
    names = _names(classes)
    if labels is not None:
        columns["label"] = _labels(np.asarray(labels), len(images), len(names))
        names = names or tuple(str(k) for k in range(int(columns["label"].max()) + 1))
    elif names:
        raise UserError(
            f"config.data: {len(names)} classes are named but there are no labels; add labels"
        )
    if conditions is not None:
        columns["condition"] = _conditions(np.asarray(conditions), len(images))
    dim = columns["condition"].shape[1] if conditions is not None else 0
    rest = {key: column for key, column in columns.items() if key != "image"}
    return Source(
        size=len(images),
        shape=images.shape[1:],
        gather=lambda indices: {key: column[indices] for key, column in columns.items()},
        classes=names,
        condition_dim=dim,
        dtype=images.dtype.name,
        found=summary.line(
            len(images), images.shape[1:], names, columns.get("label"), dim, original, notes
        ),
        fingerprint=fingerprint and digest(rest, fingerprint, *names),
    )


def subset(source: Source, rows: np.ndarray) -> Source:
    """Returns a source of the items `rows`, int64 (n,), of `source`, in that order."""
    return dataclasses.replace(
        source,
        size=len(rows),
        gather=lambda indices: source.gather(rows[indices]),
        found=f"{len(rows)} of {source.describe()}",
        fingerprint=source.fingerprint and digest({"row": rows}, source.fingerprint),
    )


def digest(columns: Mapping[str, np.ndarray], *texts: str) -> str:
    """Returns 32 hexadecimal digits of the bytes, dtypes and shapes of arrays, and of texts."""
    total = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode(errors="surrogateescape")
        total.update(f"{len(data)}:".encode() + data)
    for name, column in sorted(columns.items()):
        total.update(f"{name} {column.dtype.str} {column.shape}".encode())
        for start in range(0, len(column), 1024):  # a piece at a time: it may lie on disk
            total.update(np.ascontiguousarray(column[start : start + 1024]).view(np.uint8))
    return total.hexdigest()


def check_channels(shape: Sequence[int]) -> None:
    """Checks that images of this shape, (N, H, W, C), are gray, RGB or RGBA.

    Raises:
      UserError: another number of channels, or a shape that may be (N, C, H, W).
    """
    _, height, width, channels = shape
    # Such a flat image of few columns could be either; it is no picture that anyone trains on.
    if height in CHANNELS and (channels not in CHANNELS or width >= 4 * height):
        raise UserError(
            f"config.data: images of shape {tuple(shape)}: this looks like channels first; "
            "store (N, H, W, C): images.transpose(0, 2, 3, 1)"
        )
    if channels not in CHANNELS:
        raise UserError(
            f"config.data: images of shape {tuple(shape)} have {channels} channels; "
            "give (N, H, W, C) with 1 (gray), 3 (RGB) or 4 (RGBA)"
        )


def _checked(images: np.ndarray) -> np.ndarray:
    """Returns the images; raises UserError for a dtype, rank or shape that no source has."""
    rank_fits = {"uint8": images.ndim == 4, "float32": images.ndim >= 2}
    if not rank_fits.get(images.dtype.name, False):
        raise UserError(
            f"config.data: images are {images.dtype.name} of shape {images.shape}; "
            "give uint8 (N, H, W, C) or float32 (N, ...)"
        )
    if images.size == 0:
        raise UserError(f"config.data: images of shape {images.shape} are empty; give at least one")
    if images.ndim == 4:
        check_channels(images.shape)
    return images


def _names(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the classes; raises UserError for one that is there twice."""
    if np.ndim(classes) != 1:
        raise UserError(
            f"config.data: classes have shape {np.shape(classes)}; give a list of names"
        )
    names = tuple(c.decode(errors="replace") if isinstance(c, bytes) else str(c) for c in classes)
    twice = [name for name, n in collections.Counter(names).items() if n > 1]
    if twice:
        raise UserError(
            f"config.data: classes named more than once: {summary.names(twice)}; rename them"
        )
    return names


def _labels(labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Returns `labels` as int32 (size,); raises UserError unless each indexes a class."""
    if labels.ndim == 2 and labels.shape[1] > 1 and len(labels) == size:
        raise UserError(
            f"config.data: labels have shape {labels.shape}; if each row marks a class, "
            "store labels.argmax(axis=1)"
        )
    if labels.shape == (size, 1):
        labels = labels[:, 0]
    if labels.shape != (size,) or labels.dtype.kind not in "iufb":
        raise UserError(
            f"config.data: labels are {labels.dtype.name} of shape {labels.shape}; "
            f"give integers of shape ({size},), one per image"
        )
    if labels.dtype.kind == "f" and not (np.isfinite(labels) & (labels == np.rint(labels))).all():
        raise UserError(
            f"config.data: labels are {labels.dtype.name} and not all whole numbers; number the "
            "classes from 0, or store what the numbers measure as conditions"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes and high >= classes):
        last = f"{classes - 1}, as {classes} classes are named" if classes else "the last"
        raise UserError(
            f"config.data: labels range from {low} to {high}; number them from 0 to {last}"
        )
    if high >= _MOST_CLASSES:
        raise UserError(
            f"config.data: the largest label is {high}, which makes {high + 1} classes; number "
            "the classes from 0 without gaps"
        )
    return labels.astype(np.int32)


def _conditions(conditions: np.ndarray, size: int) -> np.ndarray:
    """Returns `conditions` as float32 (size, D); raises UserError unless they are such rows."""
    rows_fit = conditions.ndim == 2 and len(conditions) == size and conditions.shape[1] > 0
    if not rows_fit or conditions.dtype.kind != "f":
        raise UserError(
            f"config.data: conditions are {conditions.dtype.name} of shape {conditions.shape}; "
            f"give floats of shape ({size}, D), one row per image"
        )
    with np.errstate(over="ignore"):
        rows = conditions.astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if bad.size:
        raise UserError(
            f"config.data: conditions of {summary.count(bad.size, 'image')} are not finite, the "
            f"first in row {bad[0]}; remove or replace those rows"
        )
    return rows
