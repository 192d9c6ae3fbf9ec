"""The interface of every data set: a size, a shape and a function that gathers items."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from jaxgan.runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class Source:
    """A finite, immutable data set with random access.

    `gather` maps int64 indices (n,) to a dict of arrays with leading axis n:
    'image', of `dtype`: uint8 (n, H, W, C) in [0, 255] or float32 (n, *shape), used as is;
    'label', int32 (n,), present if and only if `classes` is not empty;
    'condition', float32 (n, condition_dim), present if and only if `condition_dim` > 0.
    It must be a pure function, and safe to call from another thread.
    """

    size: int
    shape: tuple[int, ...]
    gather: Callable[[np.ndarray], dict[str, np.ndarray]]
    classes: tuple[str, ...] = ()
    condition_dim: int = 0
    dtype: str = "uint8"

    def abstract(self, n: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Returns the shape and dtype of each column of n items, without reading any."""
        columns = {"image": ((n, *self.shape), self.dtype)}
        if self.classes:
            columns["label"] = ((n,), "int32")
        if self.condition_dim:
            columns["condition"] = ((n, self.condition_dim), "float32")
        return columns


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    conditions: np.ndarray | None = None,
) -> Source:
    """Builds a source from arrays, memory-mapped ones included, without copying the images.

    Args:
      images: uint8 (N, H, W, C), or float32 (N, ...), which reaches the model unchanged.
      labels: integers (N,) in [0, len(classes)).
      classes: names of the classes; if empty, they are '0' to str(max(labels)).
      conditions: floats (N, D).

    Raises:
      UserError: an unsupported dtype, rank or length, or a label out of range.
    """
    images = np.asarray(images)
    rank_fits = {"uint8": images.ndim == 4, "float32": images.ndim >= 2}
    if not rank_fits.get(images.dtype.name, False):
        raise UserError(
            f"config.data: images are {images.dtype.name} of shape {images.shape}; "
            "give uint8 (N, H, W, C) or float32 (N, ...)"
        )
    if images.size == 0:
        raise UserError(f"config.data: images of shape {images.shape} are empty; give at least one")

    columns = {"image": images}
    names = tuple(str(name) for name in classes)
    if labels is not None:
        columns["label"] = _labels(np.asarray(labels), len(images), len(names))
        names = names or tuple(str(k) for k in range(int(columns["label"].max()) + 1))
    elif names:
        raise UserError(
            f"config.data: {len(names)} classes are named but there are no labels; add labels"
        )
    if conditions is not None:
        columns["condition"] = _conditions(np.asarray(conditions), len(images))

    return Source(
        size=len(images),
        shape=images.shape[1:],
        gather=lambda indices: {key: column[indices] for key, column in columns.items()},
        classes=names,
        condition_dim=columns["condition"].shape[1] if conditions is not None else 0,
        dtype=images.dtype.name,
    )


def subset(source: Source, rows: np.ndarray) -> Source:
    """Returns a source of the items `rows`, int64 (n,), of `source`, in that order."""
    return dataclasses.replace(
        source, size=len(rows), gather=lambda indices: source.gather(rows[indices])
    )


def _labels(labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Returns `labels` as int32 (size,); raises UserError unless each indexes a class."""
    if labels.shape != (size,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"config.data: labels are {labels.dtype.name} of shape {labels.shape}; "
            f"give integers of shape ({size},), one per image"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or (classes and high >= classes):
        last = f"{classes - 1}, as {classes} classes are named" if classes else "the last"
        raise UserError(
            f"config.data: labels range from {low} to {high}; number them from 0 to {last}"
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
    return conditions.astype(np.float32)
