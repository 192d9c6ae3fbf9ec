"""Decodes image files once into a memory-mapped cache, which is found again by their content."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from jaxgan.data import content, survey
from jaxgan.data.images import Target, to_square
from jaxgan.data.source import digest
from jaxgan.data.survey import Facts, Survey
from jaxgan.data.tree import Tree
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
_VERSION = 2  # part of the cache key: increment it when decoding gives different pixels
_LARGE = 2**24  # pixels of an image beyond which no other is decoded at the same time
_SPARSE = 2**25  # pixels that an image may have whatever its file's size
_DENSITY = 64  # pixels that a larger one may have for each byte of its file
_ALONE = threading.Lock()
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class Decoded(NamedTuple):
    """Decoded image files.

    images: memory-mapped uint8 (n, res, res, channels) of the n good ones, in order; None where
    there are none. bad: errors by index of the file. seen: what the good ones were. fingerprint:
    of the images.
    """

    images: np.ndarray | None
    bad: dict[int, str]
    seen: Survey | None = None
    fingerprint: str = ""


def decoded(
    tree: Tree, files: Sequence[str], digests: Sequence[str], want: Target, *, stop: bool
) -> Decoded:
    """Returns the files' images from the cache, or decodes them into it.

    The JSON file is renamed into place last: if it exists, both files are complete. Two processes
    that decode at the same time write the same bytes.

    Args:
      tree: what the files belong to. files: at least one. digests: of their contents.
      want: what the images become.
      stop: raise a UserError at the first bad file instead of decoding the rest in vain.

    Raises:
      UserError: a bad file under `stop`; files that change meanwhile; a full disk.
      OSError: a file that cannot be read any more, or a cache that cannot be written.
    """
    folder = content.cache("images")
    name = content.hashed(json.dumps([_VERSION, want, digests]).encode())
    pixels, notes = folder / f"{name}.pixels", folder / f"{name}.json"
    found = _load(pixels, notes, want)
    if found:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, len(files) * want.res**2 * want.channels)
    with tempfile.TemporaryDirectory(dir=folder, prefix="writing-") as scratch:
        fresh_pixels, fresh_notes = Path(scratch, "pixels"), Path(scratch, "notes")
        bad, facts = _decode_all(tree, files, digests, fresh_pixels, want, stop=stop)
        if not facts:
            return Decoded(None, bad)
        shape = (len(facts), want.res, want.res, want.channels)
        mark = digest({"image": np.memmap(fresh_pixels, np.uint8, "r", shape=shape)})
        seen = survey.of(facts)._asdict()
        record = {"of": str(tree.root), "n": len(facts), "bad": bad, "seen": seen, "mark": mark}
        fresh_notes.write_text(content.sealed(record))
        os.replace(fresh_pixels, pixels)
        os.replace(fresh_notes, notes)
    found = _load(pixels, notes, want)
    if not found:
        raise UserError(f"config.data: {folder} was changed by another process; run it again")
    return found


def _load(pixels: Path, notes: Path, want: Target) -> Decoded | None:
    """Returns what the cache holds, or None where it does not hold all of it."""
    try:
        record = content.opened(notes.read_text())
        shape = (record["n"], want.res, want.res, want.channels)
        stat = pixels.stat()
        if stat.st_size != np.prod(shape):
            return None
    except (FileNotFoundError, ValueError):
        return None
    bad = {int(row): error for row, error in record["bad"].items()}
    images = np.memmap(pixels, np.uint8, "r", shape=shape)
    # What was hashed is remembered by its size and times, so whole pixels cost nothing here.
    stamps = {"": content.stamp(stat)}
    held = content.marks(pixels, stamps, lambda _: digest({"image": images}))[""]
    if held.digest != record["mark"]:
        return None
    return Decoded(images, bad, Survey(**record["seen"]), record["mark"])


def _check_space(folder: Path, size: int) -> None:
    """Checks for `size` free bytes: writing a mapped file to a full disk kills the process.

    Raises:
      UserError: there are fewer.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UserError(
            f"config.data: the decoded images take {size / 1e9:.1f} GB and {folder} has "
            f"{free / 1e9:.1f} free; set XDG_CACHE_HOME to a larger disk"
        )


def _decode_all(
    tree: Tree,
    files: Sequence[str],
    digests: Sequence[str],
    path: Path,
    want: Target,
    *,
    stop: bool,
) -> tuple[dict[int, str], list[Facts]]:
    """Writes the good files' images to `path`; returns errors by index, and facts of the good."""
    from tqdm import tqdm

    shape = (len(files), want.res, want.res, want.channels)
    rows = np.memmap(path, np.uint8, "w+", shape=shape)

    def decode(row: int) -> Facts | str:
        data = tree.read(files[row])
        if content.hashed(data) != digests[row]:
            raise UserError(f"config.data: {files[row]} changed while it was read; run it again")
        try:
            result = _decode(data, want)
        except MemoryError as error:
            raise UserError(
                f"config.data: {files[row]} below {tree.root} does not fit in memory to be "
                "decoded; remove it, or store it smaller"
            ) from error
        if isinstance(result, str):
            return result
        rows[row], facts = result
        return facts

    bad, good = {}, {}
    pool = ThreadPoolExecutor()  # Pillow decodes and resizes without the GIL
    try:
        results = pool.map(decode, range(len(files)))
        label = f"decoding {tree.root}"
        bar = tqdm(results, label, len(files), unit="img", delay=1, file=sys.stderr)
        for row, result in enumerate(bar):
            if isinstance(result, Facts):
                good[row] = result
                continue
            bad[row] = result
            if stop:
                raise UserError(
                    f"config.data: {files[row]} below {tree.root} is not readable ({result}); "
                    "fix or remove it, or set config.data.on_bad=skip"
                )
    finally:  # on an error or Ctrl-C, cancel what is queued
        pool.shutdown(cancel_futures=True)
    if bad:
        for target, row in enumerate(good):
            rows[target] = rows[row]
    rows.flush()
    os.truncate(path, len(good) * rows[0].size)
    return bad, list(good.values())


def _decode(data: bytes, want: Target) -> tuple[np.ndarray, Facts] | str:
    """Returns an image, uint8 (res, res, channels), and what it was; or why it is bad."""
    return opened(data, lambda img: to_square(img, want))


def opened(data: bytes, convert: Callable[["Image.Image"], T]) -> T | str:
    """Returns what `convert` makes of an image that is not loaded yet; or why it is bad."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as img:
            size = img.width * img.height
            if size > max(_SPARSE, _DENSITY * len(data)):
                return f"{img.width}x{img.height} pixels in {len(data)} bytes, too few for them"
            with _ALONE if size > _LARGE else contextlib.nullcontext():
                return convert(img)
    except Image.UnidentifiedImageError:
        return "no known image format"
    except MemoryError:  # the machine's fault, which the cache must not record as the file's
        raise
    # A broken file makes decoders raise anything.
    except Exception as error:
        return reason(error)
