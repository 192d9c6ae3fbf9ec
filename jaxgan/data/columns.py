"""Checks the columns of a data set: images, labels, names of classes, conditions."""

import collections
from collections.abc import Sequence

import numpy as np

from jaxgan.data import summary
from jaxgan.runtime.errors import UserError

CHANNELS = (1, 3, 4)  # gray, RGB, RGBA
_MOST_CLASSES = 1_000_000


def check_images(images: np.ndarray) -> None:
    """Checks that images are uint8 (N, H, W, C) or float32 (N, ...), and not empty.

    Raises:
      UserError: another dtype or rank, no item, or other channels than `check_channels` accepts.
    """
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


def names(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the classes; raises UserError for one that is there twice."""
    if np.ndim(classes) != 1:
        raise UserError(
            f"config.data: classes have shape {np.shape(classes)}; give a list of names"
        )
    found = tuple(c.decode(errors="replace") if isinstance(c, bytes) else str(c) for c in classes)
    twice = [name for name, n in collections.Counter(found).items() if n > 1]
    if twice:
        raise UserError(
            f"config.data: classes named more than once: {summary.names(twice)}; rename them"
        )
    return found


def labels(labels: np.ndarray, size: int, classes: int) -> np.ndarray:
    """Returns `labels` as int32 (size,); raises UserError unless each indexes a class."""
    if labels.ndim == 2 and labels.shape[1] > 1 and len(labels) == size:
        raise UserError(
            f"config.data: labels have shape {labels.shape}; if each row marks a class, "
            "store labels.argmax(axis=1)"
        )
    if labels.dtype.kind in "SU":
        raise UserError(
            "config.data: labels are texts; store integers and the names of the classes: "
            "classes, labels = np.unique(labels, return_inverse=True)"
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


def conditions(conditions: np.ndarray, size: int) -> np.ndarray:
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
