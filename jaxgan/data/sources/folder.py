"""Images below a folder, decoded once into a memory-mapped cache."""

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
_VERSION = 1  # part of the cache's name: raise it whenever the same file gives other pixels
_PILLOW_RAISES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
_NAMED = 10  # bad files named in a message before the rest are only counted


def folder(path: str, *, res: int, channels: int = 3, on_bad: str = "skip") -> Source:
    """Reads every image below `path`: uint8 (res, res, channels).

    Images directly in `path` are unlabelled. Otherwise each sub-folder of `path` is a class,
    named after it and in the order of the names, of all images at any depth in it. An animation
    gives its first frame; hidden files are passed over.

    Images are decoded once, into $XDG_CACHE_HOME/jaxgan/folders (by default below ~/.cache),
    under a name that depends on every file's path, size and time of change. These files may be
    deleted at any time.

    Args:
        path: the folder; 'conditions.npy' in it, floats (N, D), has a row for each of the N
            image files in the sorted order of their paths relative to the folder.
        res: pixels a side, by a centre crop and antialiased resizing.
        channels: 1 (grey) or 3 (RGB).
        on_bad: what a file that is no readable image causes: 'skip', a warning on stderr and a
            source without it (and its row of conditions); 'stop', a UserError.

    Raises:
        UserError: a folder that is missing, holds no good image, holds images both directly and
            in sub-folders, or may not be read; conditions that do not fit; a bad file under
            'stop'; a cache that cannot be written.
    """
    check_target(res, channels)
    if on_bad not in ("skip", "stop"):
        raise UserError(f"data: on_bad={on_bad!r}; give 'skip' or 'stop'")
    root = Path(path).expanduser()
    files = _image_files(root)
    labels, classes = _labels(root, files)
    conditions = _conditions(root, len(files))
    try:
        images, bad = _cached(root, files, res, channels, stop=on_bad == "stop")
    except OSError as error:
        raise UserError(
            f"data: cannot decode {root} ({error}); mend that file or its permissions, "
            "or set XDG_CACHE_HOME if it is the cache"
        ) from error
    source = from_arrays(images, labels, classes, conditions)
    if not bad:
        return source
    report = f"{len(bad)} of {len(files)} files below {root} are no readable images: {_names(bad)}"
    if on_bad == "stop":
        raise UserError(f"data: {report}; mend or remove them, or give on_bad='skip'")
    if len(bad) == len(files):
        raise UserError(f"data: {report}; give a folder with images")
    print(f"warning: data: skipped {report}", file=sys.stderr)
    return subset(source, np.array([i for i, file in enumerate(files) if file not in bad]))


def _image_files(root: Path) -> list[str]:
    """Returns the sorted relative paths, with '/', of all image files below `root`."""
    if not root.is_dir():
        raise UserError(f"data: no folder {root}; check the path after 'folder:'")
    files = [
        (Path(parent) / name).relative_to(root).as_posix()
        for parent, _, names in os.walk(root, followlinks=True)  # class folders are often links
        for name in names
        if Path(name).suffix.lower() in _SUFFIXES and not name.startswith(".")
    ]
    if not files:
        raise UserError(
            f"data: no images below {root}; it takes {', '.join(s[1:] for s in sorted(_SUFFIXES))}"
        )
    return sorted(files)


def _labels(root: Path, files: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns each file's class, int32 (N,) or None, and the classes' names."""
    tops = [file.partition("/")[0] if "/" in file else "" for file in files]
    classes = tuple(sorted(set(tops)))
    if classes == ("",):
        return None, ()
    if "" in classes:
        raise UserError(
            f"data: {root} holds {tops.count('')} images beside the class folder {classes[1]!r}; "
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
        raise UserError(f"data: {path} is no array of floats; write it with np.save") from error
    if len(np.atleast_1d(rows)) != size:
        raise UserError(
            f"data: {path} has {len(np.atleast_1d(rows))} rows for {size} image files; "
            "give a row for each, in the sorted order of their paths"
        )
    return rows


def _cached(
    root: Path, files: Sequence[str], res: int, channels: int, *, stop: bool
) -> tuple[np.ndarray, dict[str, str]]:
    """Returns the images, memory-mapped uint8 (N, res, res, channels), and the bad files' faults.

    A bad file's row is black. The json is written last, and by a rename: where it exists, both
    files are whole. Two processes that decode at once write the same bytes.
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
    """Raises UserError unless `size` bytes fit: writing a mapped file to a full disk kills us."""
    free = shutil.disk_usage(cache).free
    if size > free:
        raise UserError(
            f"data: the decoded images take {size / 1e9:.1f} GB and {cache} has "
            f"{free / 1e9:.1f} free; set XDG_CACHE_HOME to a larger disk"
        )


def _decode_all(
    root: Path, files: Sequence[str], target: Path, res: int, channels: int, *, stop: bool
) -> dict[str, str]:
    """Decodes `files` into an .npy at `target` and returns the bad ones' faults.

    With `stop` it ends at the first bad file rather than decode a large folder in vain.
    """
    from tqdm import tqdm

    rows = np.lib.format.open_memmap(
        target, mode="w+", dtype=np.uint8, shape=(len(files), res, res, channels)
    )

    def decode(row: int) -> str:
        pixels, fault = _decode(root / files[row], res, channels)
        if not fault:
            rows[row] = pixels
        return fault

    bad = {}
    # Threads are enough: Pillow decodes and resizes without the GIL.
    pool = ThreadPoolExecutor()
    try:
        faults = pool.map(decode, range(len(files)))
        bar = tqdm(faults, f"decoding {root}", len(files), unit="img", delay=1, file=sys.stderr)
        for file, fault in zip(files, bar, strict=True):
            if fault:
                bad[file] = fault
            if fault and stop:
                raise UserError(
                    f"data: {root / file} is no readable image ({fault}); "
                    "mend or remove it, or give on_bad='skip'"
                )
    finally:  # on an error or ctrl-C, drop what is queued
        pool.shutdown(cancel_futures=True)
    rows.flush()
    return bad


def _decode(path: Path, res: int, channels: int) -> tuple[np.ndarray, str]:
    """Returns the image, uint8 (res, res, channels), and '', or nothing and what is wrong with it.

    Only what a broken file makes Pillow raise counts as a fault of the image: one that may not
    be opened is an error of the system, not to be remembered in a cache.
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
    """Lists bad files and their faults on one line: the first `_NAMED`, then a count."""
    named = [f"{file} ({fault})" for file, fault in list(bad.items())[:_NAMED]]
    more = len(bad) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
