"""Keeps a share of a data set out of training, for evaluation.

Which items is a function of the seed, their number and their labels alone, so a resumed run, any
number of processes and an evaluation find the same ones. Each item has a random number, a function
of seed and index; those with the smallest of their class are held out, a like share of each class.
"""

import dataclasses

import numpy as np

from jaxgan.data import summary
from jaxgan.data.source import Source, digest, of_two
from jaxgan.runtime.errors import UserError

_PIECE = 1000  # items whose labels are gathered at once


def split(source: Source, share: float, seed: int) -> Source:
    """Returns the data without a share of them, which become its `test`; of two domains each.

    Args:
      source: without test items of its own.
      share: above 0 and below 1; of n items round(share * n) are held out.
      seed: at least 0, of the draw.

    Raises:
      UserError: data with test items of their own, or too few to hold any out.
    """
    at = f"config.data.holdout={share:g}"
    if source.test:
        raise UserError(
            f"{at}: the data have test images of their own, {source.test.size}, for evaluation; "
            "leave it out"
        )
    if not (source.first and source.second):
        kept, test = _divided(source, share, seed, at)
        return dataclasses.replace(kept, test=test)
    pairs = [_divided(each, share, seed, at) for each in (source.first, source.second)]
    (a, test_a), (b, test_b) = pairs
    found = source.found.replace(f"; {summary.UNTESTED}", "")
    for old, new in ((source.first, a), (source.second, b)):
        found = found.replace(old.describe(), new.describe(), 1)
    test = of_two(test_a, test_b, aligned=source.aligned)
    return dataclasses.replace(of_two(a, b, aligned=source.aligned, test=test), found=found)


def rows(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Divides items by their labels (N,): the indices of those kept and of those held out, int64.

    Those kept are in the order of the data, those held out in a random one, so that the first of
    them are a fair sample.
    """
    order = np.random.Generator(np.random.Philox(key=seed)).random(len(labels))
    held, seen = [], 0
    for k in np.unique(labels):
        own = np.flatnonzero(labels == k)
        # Rounding what all classes so far have due makes the total right too.
        due = _rounded(share * (seen + len(own))) - _rounded(share * seen)
        seen += len(own)
        held.append(own[np.argsort(order[own])[: min(due, len(own) - 1)]])
    out = np.concatenate(held)
    return np.setdiff1d(np.arange(len(labels)), out), out[np.argsort(order[out])]


def _rounded(number: float) -> int:
    return int(np.floor(number + 0.5))


def _divided(source: Source, share: float, seed: int, at: str) -> tuple[Source, Source]:
    """Returns what is kept of one domain, and what is held out."""
    labels = _labels(source) if source.classes else np.zeros(source.size, np.int32)
    kept, held = rows(labels, share, seed)
    if not len(held):
        raise UserError(
            f"{at}: none of {summary.count(source.size, 'item')} would be held out; give a larger "
            "share, or more data"
        )
    parts = (_of_rows(source, each, labels) for each in (kept, held))
    train, test = parts
    return dataclasses.replace(train, found=_found(source, labels, kept, len(held))), test


def _labels(source: Source) -> np.ndarray:
    """Returns the labels of all items (N,); gathers them where the source does not know them."""
    if source.labels:
        return source.labels()
    pieces = np.split(np.arange(source.size), range(_PIECE, source.size, _PIECE))
    return np.concatenate([source.gather(piece)["label"] for piece in pieces])


def _of_rows(source: Source, rows: np.ndarray, labels: np.ndarray) -> Source:
    """Returns the source of some items of one domain, in the order of `rows`."""
    gather, crop, own = source.gather, source.crop, labels[rows]
    return dataclasses.replace(
        source,
        size=len(rows),
        gather=lambda indices: gather(rows[indices]),
        crop=crop and (lambda indices, places: crop(rows[indices], places)),
        found="",
        fingerprint=source.fingerprint and digest({"rows": rows}, source.fingerprint),
        labels=(lambda: own) if source.classes else None,
    )


def _found(source: Source, labels: np.ndarray, kept: np.ndarray, held: int) -> str:
    """Returns the line of the data, with the counts of what is kept and of what is held out."""
    thing = summary.thing(source.shape)
    left = f"{summary.count(len(kept), thing)}, {held} held out"
    for known in (labels, None):
        before = summary.count(source.size, thing) + summary.of_classes(source.classes, known)
        if source.describe().startswith(before):
            of = summary.of_classes(source.classes, labels[kept])
            return f"{left}{',' * bool(of)}{of}{source.describe().removeprefix(before)}"
    return f"{source.describe()}; {left}"
