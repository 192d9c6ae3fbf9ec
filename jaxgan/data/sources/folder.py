"""Reads the images below a folder or in a zip, decoded once into a memory-mapped cache."""

import sys

import numpy as np

from jaxgan.config.kinds import Side
from jaxgan.data import content
from jaxgan.data import labels as columns
from jaxgan.data.decoded import Decoded, decoded
from jaxgan.data.images import Target, target
from jaxgan.data.source import Source, from_arrays
from jaxgan.data.summary import count, names
from jaxgan.data.survey import Survey
from jaxgan.data.tree import Tree
from jaxgan.data.tree import tree as listed
from jaxgan.runtime.errors import UserError


def folder(
    path: str,
    *,
    res: Side,
    channels: int = 3,
    fit: str = "crop",
    bits: int = 0,
    range: tuple[float, float] | None = None,
    on_bad: str = "skip",
) -> Source:
    """Reads every image below `path`: uint8 (res, res, channels).

    Images directly in `path` are unlabeled. Otherwise each subfolder of `path` is a class of all
    images below it; classes are named after their folders and sorted by name. A dataset.json of
    StyleGAN2-ADA's layout takes the folders' place, see data.labels. Of an animation the first
    frame is read. Hidden files, hidden folders and those of tools, as in __MACOSX, are passed
    over; links are followed, each folder once.

    Images are decoded once, into $XDG_CACHE_HOME/jaxgan (by default below ~/.cache), and found
    again there by their content, wherever they are moved. The cache may be deleted at any time.

    Args:
      path: the folder, or a zip of one; 'conditions.npy' in it, floats (N, D), has a row for each
        of the N image files in the sorted order of their paths relative to the folder.
      res: pixels a side, with antialiased resizing.
      channels: 1 (gray), 3 (RGB) or 4 (RGBA); transparency is composited on white unless 4.
      fit: how images that are not square become so: 'crop', 'pad' or 'squash', see images.Target.
      bits: what images of more than 8 bits use of them; 0 for all.
      range: (low, high), the values that become 0 and 255; needed for float and 32-bit images.
      on_bad: what to do about unreadable images: 'skip', print a warning on stderr and leave them
        and their rows of conditions out; 'stop', raise a UserError.

    Raises:
      UserError: a folder that is missing, has no readable image, or has images both directly and
        in subfolders; labels or conditions that do not fit; a bad file under 'stop'; a cache that
        cannot be written.
    """
    want = target(res, channels, fit, bits, range)
    if on_bad not in ("skip", "stop"):
        raise UserError(f"config.data.on_bad={on_bad!r}: give 'skip' or 'stop'")
    tree = listed(content.home(path))
    given = columns.read(tree)
    images, rows, bad, seen, mark = _decoded(tree, want, stop=on_bad == "stop")
    if bits and not seen.deep:
        raise UserError(f"config.data.bits={bits}: no image has more than 8 bits; remove it")
    seen.warn(fit, ranged=bool(bits or range))
    given = columns.pick(given, rows)
    notes = [*given.notes, *seen.notes(fit)]
    notes += [f"{count(len(bad), 'file')} skipped"] if bad else []
    notes += [f"passed over: {names(tree.passed, 5)}"] if tree.passed else []
    of = {"original": seen.original(), "notes": notes, "fingerprint": mark}
    return from_arrays(images, given.labels, given.classes, given.conditions, **of)


def _decoded(
    tree: Tree, want: Target, *, stop: bool
) -> tuple[np.ndarray, np.ndarray, dict[str, str], Survey, str]:
    """Decodes a tree's files.

    Returns:
      The good files' images and their indices in tree.readable, int64 (n,); the bad files'
      errors; what the good images were, and their fingerprint.
    """
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
    return found.images, rows, bad, found.seen, found.fingerprint
