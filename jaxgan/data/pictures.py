"""The readable pictures of a tree: decoded, those that are not skipped or refused, described."""

import sys
from typing import NamedTuple

import numpy as np

from jaxgan.data import content
from jaxgan.data.decoded import Decoded, decoded
from jaxgan.data.images import Target
from jaxgan.data.ragged import Ragged
from jaxgan.data.summary import count, names
from jaxgan.data.survey import Survey
from jaxgan.data.tree import Tree
from jaxgan.runtime.errors import UserError


class Pictures(NamedTuple):
    """The pictures of a tree that could be read.

    images: as decoded.Decoded has them. rows: their indices in tree.readable, int64 (n,). bad: the
    other files' errors. seen: what they were. fingerprint: of the images.
    """

    images: np.ndarray | Ragged
    rows: np.ndarray
    bad: dict[str, str]
    seen: Survey
    fingerprint: str

    def notes(self, tree: Tree, fit: str) -> list[str]:
        """Returns what preparing them lost, what was skipped and what was passed over."""
        return notes_of(tree, fit, self.seen, len(self.bad))


def notes_of(tree: Tree, fit: str, seen: Survey, bad: int) -> list[str]:
    """Returns what preparing a tree's pictures lost, how many were skipped, what passed over."""
    notes = seen.notes(fit)
    notes += [f"{count(bad, 'file')} skipped"] if bad else []
    notes += [f"passed over: {names(tree.passed, 5)}"] if tree.passed else []
    return notes


def pictures(tree: Tree, want: Target, on_bad: str) -> Pictures:
    """Decodes a tree's files, or finds them in the cache.

    Args:
      tree: the files. want: what they become.
      on_bad: what to do about unreadable ones: 'skip', print a warning on stderr and leave them
        out; 'stop', raise a UserError.

    Raises:
      UserError: another `on_bad`, a bad file under 'stop', no readable file, or a cache that
        cannot be written.
    """
    if on_bad not in ("skip", "stop"):
        raise UserError(f"config.data.on_bad={on_bad!r}: give 'skip' or 'stop'")
    stop = on_bad == "stop"
    marks = content.marks(tree.root, tree.stamps, lambda name: content.hashed(tree.read(name)))
    bad = tree.bad | {name: mark.error for name, mark in marks.items() if mark.error}
    rows = np.array([i for i, name in enumerate(tree.readable) if name not in bad], np.int64)
    files = [name for name in tree.readable if name not in bad]
    found = Decoded(None, {})
    if files and not (bad and stop):
        try:
            found = decoded(tree, files, [marks[name].digest for name in files], want, stop=stop)
        except OSError as error:
            raise UserError(
                f"config.data: cannot decode {tree.root} ({error}); fix that file or its "
                "permissions, or set XDG_CACHE_HOME if the cache cannot be written"
            ) from error
    bad |= {files[i]: error for i, error in found.bad.items()}
    some = f"{len(bad)} of {len({*tree.files, *bad})} files below {tree.root}"
    listing = names(f"{name} ({error})" for name, error in sorted(bad.items()))
    if bad and stop:
        raise UserError(
            f"config.data: {some} are not readable: {listing}; fix or remove them, or set "
            "config.data.on_bad=skip"
        )
    if found.images is None or found.seen is None:
        raise UserError(
            f"config.data: {some} are not readable: {listing}; give a folder with images"
        )
    if bad:
        print(f"warning: config.data: skipped {some}: {listing}", file=sys.stderr)
    rows = np.delete(rows, list(found.bad))
    return Pictures(found.images, rows, bad, found.seen, found.fingerprint)
