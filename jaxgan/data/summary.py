"""Says in one line what data are: images, classes and their counts, sizes, what was dropped."""

from collections.abc import Iterable, Sequence

import numpy as np

from jaxgan.runtime.paths import shown

UNTESTED = "no test images, so those of training are shown"
_NAMED = 5  # how many classes a line names; the rest are counted


def count(n: int, thing: str) -> str:
    """Returns '1 image' or '3 images'; '1 class' or '3 classes'."""
    plural = "es" if thing.endswith("s") else "s"
    return f"{n} {thing}" + ("" if n == 1 else plural)


def names(texts: Iterable[str], most: int = 10) -> str:
    """Lists texts, the first `most` of them, then a count of the rest."""
    texts = list(texts)
    more = len(texts) - most
    return ", ".join(map(shown, texts[:most])) + (f" and {more} more" if more > 0 else "")


def of_classes(classes: Sequence[str], labels: np.ndarray | None) -> str:
    """Returns ' of 3 classes (cat 10, dog 8, emu 6)', or '' without classes.

    Args:
      classes: their names. labels: integers (N,) that index them, or None where not known.
    """
    if not classes:
        return ""
    if labels is None:
        return f" of {count(len(classes), 'class')} ({names(classes, _NAMED)})"
    counts = np.bincount(labels, minlength=len(classes))
    listed = names((f"{c} {n}" for c, n in zip(classes, counts, strict=True)), _NAMED)
    empty = [name for name, n in zip(classes, counts, strict=True) if n == 0]
    lacking = f"; without an image: {names(empty, _NAMED)}" if empty else ""
    return f" of {count(len(classes), 'class')} ({listed}{lacking})"


def thing(shape: Sequence[int]) -> str:
    """Returns what an item of a shape is called: 'image', 'point', or 'item'."""
    return "image" if len(shape) == 3 else "point" if tuple(shape) == (2,) else "item"


def line(
    size: int,
    shape: Sequence[int],
    classes: Sequence[str] = (),
    labels: np.ndarray | None = None,
    condition_dim: int = 0,
    original: str = "",
    notes: Iterable[str] = (),
) -> str:
    """Returns the line that describes a data set.

    Args:
      size: number of items. shape: of an item as the run sees it. classes, labels: as above.
      condition_dim: numbers in each item's condition.
      original: sizes and channels before preparation, where they differ.
      notes: what else the reader should know, such as what was dropped.
    """
    kind = thing(shape)
    text = count(size, kind) + of_classes(classes, labels)
    if condition_dim:
        text += f" with conditions of {count(condition_dim, 'number')}"
    if len(shape) == 3:
        text += f", {original} ->" if original else ","
        text += f" {'x'.join(map(str, shape))}"
    elif kind == "item":
        text += f" of shape {tuple(shape)}"
    return "; ".join([text, *notes])
