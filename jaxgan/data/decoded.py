"""Decodes image files once into a memory-mapped cache, which is found again by their content."""

import collections
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from jaxgan.data import content, summary, survey
from jaxgan.data.images import SHORTER, Target, to_shorter, to_square
from jaxgan.data.ragged import Ragged
from jaxgan.data.source import digest
from jaxgan.data.survey import Facts, Survey
from jaxgan.data.tree import Tree
from jaxgan.runtime import capacity, processes
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

if TYPE_CHECKING:
    from PIL import Image

T = TypeVar("T")
_VERSION = 2  # part of the cache key: increment it when decoding gives different pixels
_LARGE = 2**24  # pixels of an image beyond which no other is decoded at the same time
_SPARSE = 2**25  # pixels that an image may have whatever its file's size
_DENSITY = 64  # pixels that a larger one may have for each byte of its file
_LITTLE = 10**5  # bytes of disk that are not worth a line
DECODING = 6 * 3600  # seconds that process 0 may take, while the others wait
_THREADS = min(32, (os.cpu_count() or 1) + 4)
_ALONE = threading.Lock()
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class Decoded(NamedTuple):
    """Decoded image files.

    images: memory-mapped uint8 (n, res, res, channels) of the n good ones, in order, or a Ragged of
    them where they are not square; None where there are none. bad: errors by index of the file.
    seen: what the good ones were. fingerprint: of the images.
    """

    images: np.ndarray | Ragged | None
    bad: dict[int, str]
    seen: Survey | None = None
    fingerprint: str = ""


def decoded(
    tree: Tree, files: Sequence[str], digests: Sequence[str], want: Target, *, stop: bool
) -> Decoded:
    """Returns the files' images from the cache, or decodes them into it.

    The JSON file is renamed into place last: if it exists, both files are complete. Two processes
    that decode at the same time write the same bytes. Of the processes of one run the first decodes
    before the others look, and they decode what they do not find: a cache of their own host.

    Args:
      tree: what the files belong to. files: at least one. digests: of their contents.
      want: what the images become.
      stop: raise a UserError at the first bad file instead of decoding the rest in vain.

    Raises:
      UserError: a bad file under `stop`; files that change meanwhile; a full disk.
      OSError: a file that cannot be read any more, or a cache that cannot be written.
    """
    name = content.hashed(json.dumps([_VERSION, want, digests]).encode())
    if not processes.first():
        processes.await_announced(f"decoded images, {name[:16]}", DECODING)
        return _cached(tree, files, digests, want, name, stop=stop)
    try:
        return _cached(tree, files, digests, want, name, stop=stop)
    finally:
        processes.announce(f"decoded images, {name[:16]}")


def _cached(
    tree: Tree, files: Sequence[str], digests: Sequence[str], want: Target, name: str, *, stop: bool
) -> Decoded:
    """Does what `decoded` does in one process; `name`: of the entry in the cache."""
    folder = content.cache("images")
    pixels, notes = folder / f"{name}.pixels", folder / f"{name}.json"
    found = _load(pixels, notes, want)
    if found:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    _check_space(folder, len(files), want)
    with tempfile.TemporaryDirectory(dir=folder, prefix="writing-") as scratch:
        fresh_pixels, fresh_notes = Path(scratch, "pixels"), Path(scratch, "notes")
        bad, facts, sizes = _decode_all(tree, files, digests, fresh_pixels, want, stop=stop)
        if not facts:
            return Decoded(None, bad)
        record = {"of": str(tree.root), "n": len(facts), "bad": bad}
        record |= {"sizes": sizes} if want.fit == SHORTER else {}
        record["seen"] = survey.of(facts)._asdict()
        record["mark"] = _mark(_mapped(fresh_pixels, record, want))
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
        images = _mapped(pixels, record, want)
        stat = pixels.stat()
    except (FileNotFoundError, ValueError):
        return None
    if stat.st_size != _flat(images).size:
        return None
    bad = {int(row): error for row, error in record["bad"].items()}
    # What was hashed is remembered by its size and times, so whole pixels cost nothing here.
    stamps = {"": content.stamp(stat)}
    held = content.marks(pixels, stamps, lambda _: _mark(images))[""]
    if held.digest != record["mark"]:
        return None
    return Decoded(images, bad, Survey(**record["seen"]), record["mark"])


def _mapped(path: Path, record: Mapping[str, Any], want: Target) -> np.ndarray | Ragged:
    """Maps the pixels that a record is of; raises ValueError where the file has fewer."""
    if want.fit != SHORTER:
        shape = (record["n"], want.res, want.res, want.channels)
        return np.memmap(path, np.uint8, "r", shape=shape)
    sizes = np.array(record["sizes"], np.int64)
    shape = (int(sizes.prod(axis=1).sum()), want.channels)
    return Ragged(np.memmap(path, np.uint8, "r", shape=shape), sizes)


def _flat(images: np.ndarray | Ragged) -> np.ndarray:
    return images.pixels if isinstance(images, Ragged) else images


def _mark(images: np.ndarray | Ragged) -> str:
    """Returns the fingerprint of images."""
    sizes = {"size": images.sizes} if isinstance(images, Ragged) else {}
    return digest({"image": _flat(images), **sizes})


def _check_space(folder: Path, n: int, want: Target) -> None:
    """Says how much disk n decoded images take, before any is, and checks that it is free.

    Raises:
      UserError: it is not.
    """
    size, free = n * want.res**2 * want.channels, shutil.disk_usage(folder).free
    # Those of SHORTER are not square; their other sides are not known yet.
    take = f"{'at least' if want.fit == SHORTER else 'up to'} {capacity.size(size)}"
    if size > free:
        raise UserError(
            f"config.data: the decoded images take {take} and {folder} has "
            f"{capacity.size(free)} free; set XDG_CACHE_HOME to a larger disk, or lower "
            "config.data.res"
        )
    if size < _LITTLE:
        return
    print(
        f"decoding {summary.count(n, 'image')} takes {take} of disk in {folder}, which has "
        f"{capacity.size(free)} free",
        file=sys.stderr,
    )


def _decode_all(
    tree: Tree,
    files: Sequence[str],
    digests: Sequence[str],
    path: Path,
    want: Target,
    *,
    stop: bool,
) -> tuple[dict[int, str], list[Facts], list[tuple[int, int]]]:
    """Writes the good files' images to `path`, in order.

    Returns:
      Errors by index of the file; facts, and height and width as written, of the good ones.
    """
    from tqdm import tqdm

    def decode(row: int) -> tuple[np.ndarray, Facts] | str:
        data = tree.read(files[row])
        if content.hashed(data) != digests[row]:
            raise UserError(f"config.data: {files[row]} changed while it was read; run it again")
        return picture(tree, files[row], data, want)

    bad, facts, sizes = {}, [], []
    pool = ThreadPoolExecutor(_THREADS)  # Pillow decodes and resizes without the GIL
    try:
        results = ahead(pool, decode, range(len(files)))
        label = f"decoding {tree.root}"
        bar = tqdm(results, label, len(files), unit="img", delay=1, file=sys.stderr)
        with path.open("wb") as out:
            for row, result in enumerate(bar):
                if not isinstance(result, str):
                    out.write(np.ascontiguousarray(result[0]))
                    sizes.append(result[0].shape[:2])
                    facts.append(result[1])
                    continue
                bad[row] = result
                if stop:
                    raise UserError(
                        f"config.data: {files[row]} below {tree.root} is not readable ({result}); "
                        "fix or remove it, or set config.data.on_bad=skip"
                    )
    finally:  # on an error or Ctrl-C, cancel what is queued
        pool.shutdown(cancel_futures=True)
    return bad, facts, sizes


def ahead(
    pool: ThreadPoolExecutor, call: Callable[[int], T], rows: range, depth: int = 2 * _THREADS
) -> Iterator[T]:
    """Yields call(row) of each row in order; `depth` results wait for their turn at any time."""
    pending: collections.deque[Future[T]] = collections.deque()
    for row in rows:
        pending.append(pool.submit(call, row))
        if len(pending) == depth:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def picture(tree: Tree, name: str, data: bytes, want: Target) -> tuple[np.ndarray, Facts] | str:
    """Returns the image of a file's bytes, uint8 (H, W, channels), and what it was; or why not.

    Raises:
      UserError: one that does not fit in memory.
    """
    try:
        return _decode(data, want)
    except MemoryError as error:
        raise UserError(
            f"config.data: {name} below {tree.root} does not fit in memory to be decoded; remove "
            "it, or store it smaller"
        ) from error


def _decode(data: bytes, want: Target) -> tuple[np.ndarray, Facts] | str:
    """Returns an image, uint8 (H, W, channels), and what it was; or why it is bad."""
    return opened(data, lambda img: (to_shorter if want.fit == SHORTER else to_square)(img, want))


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
