"""Reads the images below a folder or in a zip, decoded once into a memory-mapped cache."""

from jaxgan.config.kinds import Side
from jaxgan.data import content
from jaxgan.data import labels as columns
from jaxgan.data.images import target
from jaxgan.data.pictures import pictures
from jaxgan.data.source import Source, from_arrays
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
    tree = listed(content.home(path))
    given = columns.read(tree)
    found = pictures(tree, want, on_bad)
    if bits and not found.seen.deep:
        raise UserError(f"config.data.bits={bits}: no image has more than 8 bits; remove it")
    found.seen.warn(fit, ranged=bool(bits or range))
    given = columns.pick(given, found.rows)
    of = {
        "original": found.seen.original(),
        "notes": [*given.notes, *found.notes(tree, fit)],
        "fingerprint": found.fingerprint,
    }
    return from_arrays(found.images, given.labels, given.classes, given.conditions, **of)
