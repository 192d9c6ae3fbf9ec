"""Reads the images below a folder, decoded once into a memory-mapped cache."""

import hashlib
import json
import os
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from jaxgan.data.images import check_target, to_square
from jaxgan.data.source import Source, from_arrays, subset
from jaxgan.runtime.errors import UserError

_SUFFIXES = {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
_VERSION = 1  # part of the cache key: increment it when decoding gives different pixels
_PILLOW_RAISES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
_NAMED = 10  # how many bad files a message names; the rest are counted


def folder(path: str, *, res: int, channels: int = 3, on_bad: str = "skip") -> Source:
    """Reads every image below `path`: uint8 (res, res, channels).

    Images directly in `path` are unlabeled. Otherwise each subfolder of `path` is a class of all
    images below it; classes are named after their folders and sorted by name. Of an animation
    the first frame is read; hidden files are ignored.

    Images are decoded once, into $XDG_CACHE_HOME/jaxgan/folders (by default below ~/.cache),
    under a name that depends on every file's path, size and modification time. These files may be
    deleted at any time.

    Args:
      path: the folder; 'conditions.npy' in it, floats (N, D), has a row for each of the N
        image files in the sorted order of their paths relative to the folder.
      res: pixels a side, by a center crop and antialiased resizing.
      channels: 1 (gray) or 3 (RGB).
      on_bad: what to do about unreadable images: 'skip', print a warning on stderr and leave them
        and their rows of conditions out; 'stop', raise a UserError.

    Raises:
      UserError: a folder that is missing, has no readable image, has images both directly and
        in subfolders, or may not be read; conditions that do not fit; a bad file under
        'stop'; a cache that cannot be written.
    """
    check_target(res, channels)
    if on_bad not in ("skip", "stop"):
        raise UserError(f"config.data: on_bad={on_bad!r}; give 'skip' or 'stop'")
    root = Path(path).expanduser()
    files = _image_files(root)
    labels, classes = _labels(root, files)
    conditions = _conditions(root, len(files))
    try:
        images, bad = _cached(root, files, res, channels, stop=on_bad == "stop")
    except OSError as error:
        raise UserError(
            f"config.data: cannot decode {root} ({error}); fix that file or its permissions, "
            "or set XDG_CACHE_HOME if the cache cannot be written"
        ) from error
    source = from_arrays(images, labels, classes, conditions)
    if not bad:
        return source
    report = f"{len(bad)} of {len(files)} files below {root} are not readable: {_names(bad)}"
    if on_bad == "stop":
        raise UserError(f"config.data: {report}; fix or remove them, or give on_bad='skip'")
    if len(bad) == len(files):
        raise UserError(f"config.data: {report}; give a folder with images")
    print(f"warning: config.data: skipped {report}", file=sys.stderr)
    return subset(source, np.array([i for i, file in enumerate(files) if file not in bad]))


def _image_files(root: Path) -> list[str]:
    """Returns the sorted relative paths, with '/', of all image files below `root`."""
    if not root.is_dir():
        raise UserError(f"config.data: no folder {root}; check the path after 'folder:'")
    files = [
        (Path(parent) / name).relative_to(root).as_posix()
        for parent, _, names in os.walk(root, followlinks=True)  # class folders are often links
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES and not name.startswith(".")
    ]
    if not files:
        raise UserError(
            f"config.data: no images below {root}; supported formats: "
            + ", ".join(suffix[1:] for suffix in sorted(_SUFFIXES))
        )
    return sorted(files)


def _labels(root: Path, files: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the class indices of the files, int32 (N,) or None, and the names of the classes."""
    tops = [file.partition("/")[0] if "/" in file else "" for file in files]
    classes = tuple(sorted(set(tops)))
    if classes == ("",):
        return None, ()
    if "" in classes:
        raise UserError(
            f"config.data: {root} has {tops.count('')} images beside the class folder "
            f"{classes[1]!r}; "
            "move them into a class folder, or all images out of the class folders"
        )
    index = {name: k for k, name in enumerate(classes)}
    return np.array([index[top] for top in tops], np.int32), classes


def _conditions(root: Path, size: int) -> np.ndarray | None:
    """Returns the folder's conditions, floats (size, D), or None if it has none."""
    path = root / "conditions.npy"
    if not path.exists():
        return None
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(
            f"config.data: {path} is not an array of floats; write it with np.save"
        ) from error
    if len(np.atleast_1d(rows)) != size:
        raise UserError(
            f"config.data: {path} has {len(np.atleast_1d(rows))} rows for {size} image files; "
            "give a row for each, in the sorted order of their paths"
        )
    return rows


def _cached(
    root: Path, files: Sequence[str], res: int, channels: int, *, stop: bool
) -> tuple[np.ndarray, dict[str, str]]:
    """Returns the images, memory-mapped uint8 (N, res, res, channels), and errors by bad file.

    The row of a bad file is black. The JSON file is renamed into place last: if it exists, both
    files are complete. Two processes that decode at the same time write the same bytes.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan" / "folders"
    stats = [(root / file).stat() for file in files]
    facts = [(f, s.st_size, s.st_mtime_ns) for f, s in zip(files, stats, strict=True)]
    key = json.dumps([_VERSION, str(root.resolve()), res, channels, facts])
    name = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
    pixels, notes = cache / f"{name}.npy", cache / f"{name}.json"

    if not notes.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _check_space(cache, len(files) * res * res * channels)
        with tempfile.TemporaryDirectory(dir=cache, prefix="writing-") as scratch:
            fresh_pixels, fresh_notes = Path(scratch, "pixels.npy"), Path(scratch, "notes.json")
            bad = _decode_all(root, files, fresh_pixels, res, channels, stop=stop)
            fresh_notes.write_text(json.dumps({"folder": str(root), "files": files, "bad": bad}))
            os.replace(fresh_pixels, pixels)
            os.replace(fresh_notes, notes)
    return np.load(pixels, mmap_mode="r"), json.loads(notes.read_text())["bad"]


def _check_space(cache: Path, size: int) -> None:
    """Checks for `size` free bytes: writing a mapped file to a full disk kills the process.

    Raises:
      UserError: there are fewer.
    """
    free = shutil.disk_usage(cache).free
    if size > free:
        raise UserError(
            f"config.data: the decoded images take {size / 1e9:.1f} GB and {cache} has "
            f"{free / 1e9:.1f} free; set XDG_CACHE_HOME to a larger disk"
        )


def _decode_all(
    root: Path, files: Sequence[str], target: Path, res: int, channels: int, *, stop: bool
) -> dict[str, str]:
    """Decodes `files` into an .npy at `target` and returns the errors by bad file.

    With `stop`, raises a UserError at the first bad file instead of decoding the rest in vain.
    """
    from tqdm import tqdm

    rows = np.lib.format.open_memmap(
        target, mode="w+", dtype=np.uint8, shape=(len(files), res, res, channels)
    )

    def decode(row: int) -> str:
        pixels, error = _decode(root / files[row], res, channels)
        if not error:
            rows[row] = pixels
        return error

    bad = {}
    # Threads suffice: Pillow decodes and resizes without the GIL.
    pool = ThreadPoolExecutor()
    try:
        errors = pool.map(decode, range(len(files)))
        bar = tqdm(errors, f"decoding {root}", len(files), unit="img", delay=1, file=sys.stderr)
        for file, error in zip(files, bar, strict=True):
            if error:
                bad[file] = error
            if error and stop:
                raise UserError(
                    f"config.data: {root / file} is not readable ({error}); "
                    "fix or remove it, or give on_bad='skip'"
                )
    finally:  # on an error or Ctrl-C, cancel what is queued
        pool.shutdown(cancel_futures=True)
    rows.flush()
    return bad


def _decode(path: Path, res: int, channels: int) -> tuple[np.ndarray, str]:
    """Returns the image, uint8 (res, res, channels), and '', or an empty array and the error.

    Only what a broken file makes Pillow raise counts as the file's error: failing to open it is an
    error of the system, which the cache must not record.
    """
    from PIL import Image

    with path.open("rb") as file:
        try:
            with Image.open(file) as img:
                return to_square(img, res, channels), ""
        except Image.UnidentifiedImageError:
            return np.empty(0, np.uint8), "no known image format"
        except (Image.DecompressionBombError, *_PILLOW_RAISES) as error:
            return np.empty(0, np.uint8), " ".join(str(error).split()) or type(error).__name__


def _names(bad: dict[str, str]) -> str:
    """Lists bad files and their errors on one line: the first `_NAMED`, then a count."""
    named = [f"{file} ({error})" for file, error in list(bad.items())[:_NAMED]]
    more = len(bad) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
