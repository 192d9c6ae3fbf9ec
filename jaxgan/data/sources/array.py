"""Reads images from a NumPy file."""

import dataclasses
import stat
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.config.kinds import SideOrNone
from jaxgan.data import content, depth, survey
from jaxgan.data.columns import check_channels
from jaxgan.data.images import Target, convert_channels, resize_batch, target
from jaxgan.data.source import Source, digest, from_arrays, of_two
from jaxgan.data.summary import names
from jaxgan.data.survey import Survey
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

_OPTIONAL = ("labels", "classes", "conditions")
_DOMAINS = ("a", "b")
_TESTS = ("test_a", "test_b")
_REPLACE = "remove or replace such images"
_SPARSE = 2**28  # bytes that a member of an .npz may unpack to, whatever its size
_DENSITY = 100  # bytes that a larger one may unpack to for each of its own
_PIECE = 2**24  # values converted at once


def array(
    path: str,
    *,
    res: SideOrNone = 0,
    channels: int = 0,
    fit: str = "crop",
    bits: int = 0,
    range: tuple[float, float] | None = None,
    aligned: bool = False,
) -> Source:
    """Reads an .npz of images, labels, classes and conditions, or an .npy of images alone.

    An .npz with 'a' and 'b' in place of 'images' holds two domains to translate between, and with
    'test_a' and 'test_b' images of them that are kept out of training.

    Args:
      path: an .npz with 'images', (N, H, W, C) or (N, H, W) of uint8, bool, or any other real
        dtype with `bits` or `range`, and optionally 'labels', integers (N,), 'classes', strings
        (K,), and 'conditions', floats (N, D); or an .npy of the images. An .npy is memory-mapped,
        so it may exceed the memory if it is neither resized nor converted.
      res: pixels a side, with antialiased resizing; 0 for the shorter side.
      channels: 1 (luminance), 3 (gray repeated, transparency on white) or 4; 0 for the file's.
      fit: how images that are not square become so: 'crop', 'pad' or 'squash', see images.Target.
      bits: what integer values use of their type; 0 for 16 of uint16.
      range: (low, high), the values that become 0 and 255 of 8 bits; None for what follows from
        the dtype and bits.
      aligned: whether images of 'a' and 'b' of equal index are pairs, those of tests too.

    Raises:
      UserError: a file that is missing or not as above, or inconsistent contents.
    """
    want = target(res or 1, channels or 3, fit, bits, range)
    file = content.home(path)
    columns, unread = _read(file)
    if "a" in columns:
        res = res or min(columns["a"].shape[1:3], default=0)
        return _two(file, columns, unread, aligned, want, res, channels)
    if aligned:
        raise UserError(f"config.data.aligned=True: {file} has no 'a' and 'b'; set aligned=False")
    return _source(file, columns, unread, want, res, channels)


def _two(
    path: Path, columns: dict[str, Any], unread: list[str], aligned: bool, *options: Any
) -> Source:
    """Builds the source of two domains and of their tests; `options` as of `_source`.

    Raises:
      UserError: one test without the other, or tests of another shape.
    """
    given = [name for name in _TESTS if name in columns]
    if len(given) == 1:
        (lone,) = {*_TESTS} - {*given}
        raise UserError(f"config.data: {path} has '{given[0]}' and no '{lone}'; add or remove one")
    sides = {
        name: _source(path, {"images": columns[name]}, unread if name == "a" else [], *options)
        for name in (*_DOMAINS, *given)
    }
    two = of_two(*(sides[name] for name in _DOMAINS), aligned=aligned)
    if not given:
        return two
    for name, test in zip(_DOMAINS, given, strict=True):
        if sides[test].shape != sides[name].shape or sides[test].dtype != sides[name].dtype:
            raise UserError(
                f"config.data: {path} has '{name}' of {sides[name].shape} and '{test}' of "
                f"{sides[test].shape}; set config.data.res and config.data.channels"
            )
    counts = "; test: {} of A and {} of B".format(*(sides[name].size for name in given))
    tests = of_two(*(sides[name] for name in given), aligned=aligned)
    return dataclasses.replace(two, test=tests, found=two.found + counts)


def _source(
    path: Path,
    columns: dict[str, Any],
    unread: list[str],
    want: Target,
    res: int,
    channels: int,
) -> Source:
    """Builds the source of one domain's columns; `res` and `channels` as in `array`."""
    images = columns.pop("images")
    if images.dtype.kind not in "buif" or images.ndim not in (3, 4) or images.size == 0:
        raise UserError(
            f"config.data: images in {path} are {images.dtype.name} of shape {images.shape}; "
            "store numbers (N, H, W, C) or (N, H, W)"
        )
    if images.ndim == 3 and images.shape[2] in (3, 4) and images.shape[1] >= 4 * images.shape[2]:
        raise UserError(
            f"config.data: images in {path} have shape {images.shape}: this looks like one image "
            "with its channels; store (N, H, W, C): images[None]"
        )
    images = images[..., None] if images.ndim == 3 else images
    check_channels(images.shape)
    want = want._replace(res=res or min(images.shape[1:3]), channels=channels or images.shape[-1])
    seen, pixels = _prepared(images, want)
    seen.warn(want.fit, ranged=bool(want.bits or want.range))
    mark = ""
    if isinstance(pixels, np.memmap):
        stamps = {"": content.stamp(path.stat())}
        mark, error = content.marks(path, stamps, lambda _: digest({"image": pixels}))[""]
        if error:
            raise UserError(f"config.data: {path} is not readable ({error}); copy it again")
    return from_arrays(
        pixels,
        **columns,
        original="" if pixels is images else seen.original(),
        notes=[*seen.notes(want.fit), *([f"not read: {names(unread)}"] if unread else [])],
        fingerprint=mark,
    )


def _prepared(images: np.ndarray, want: Target) -> tuple[Survey, np.ndarray]:
    """Returns what images (N, H, W, C) were and uint8 (N, res, res, channels) of them."""
    n, height, width, channels = images.shape
    kind = {1: "gray", 3: "RGB", 4: "RGBA"}[channels]
    named = kind if images.dtype == np.uint8 else f"{images.dtype.name} {kind}"
    eight, peak, clipped = _to_8_bits(images, want)
    deep = images.dtype.name == "uint16"
    seen = survey.of([survey.Facts(width, height, named, deep, peak, clipped)])
    composited = 0
    if channels == 4 and want.channels < 4:
        composited = int((eight[..., 3] < 255).any(axis=(1, 2)).sum())
    seen = seen._replace(kinds={named: n}, deep=n * deep, composited=composited)
    return seen, resize_batch(convert_channels(eight, want.channels), want.res, want.fit)


def _to_8_bits(images: np.ndarray, want: Target) -> tuple[np.ndarray, float, float]:
    """Returns images as uint8, their largest value and the share outside the range in force.

    Raises:
      UserError: values whose range is not known or that are not finite; bits of no integers.
    """
    name = images.dtype.name
    if want.bits and (images.dtype.kind not in "iu" or name == "uint8"):
        raise UserError(
            f"config.data.bits={want.bits}: the images are {name}; set config.data.range=low,high"
        )
    if want.bits > 8 * images.dtype.itemsize:
        raise UserError(f"config.data.bits={want.bits}: the images are {name}, which has fewer")
    interval = depth.limits(images.dtype, want.bits, want.range)
    if interval is None:
        low, high = float(images.min()), float(images.max())
        if not np.isfinite(high - low):
            raise UserError(f"config.data: the images have values that are not finite; {_REPLACE}")
        raise UserError(
            f"config.data: the images are {name} and range from {low:g} to {high:g}; set "
            "config.data.range=low,high to the values that mean black and white, such as "
            f"{_likely(low, high)}"
        )
    if name == "uint8" and want.range is None:
        return images, 0.0, 0.0
    eight = np.empty(images.shape, np.uint8)
    peak, clipped = 0.0, 0.0
    step = max(1, _PIECE // images[0].size)
    for start in np.arange(0, len(images), step):
        piece = images[start : start + step]
        bad = np.flatnonzero(~np.isfinite(piece).all(axis=(1, 2, 3)))
        if bad.size:
            raise UserError(
                f"config.data: image {start + bad[0]} has values that are not finite; {_REPLACE}"
            )
        eight[start : start + step] = depth.levels(piece, interval)
        if name == "uint8":  # alpha has 8 bits already
            eight[start : start + step, ..., 3:] = piece[..., 3:]
        peak = max(peak, float(piece.max()))
        clipped += depth.outside(piece, interval) * len(piece) / len(images)
    return eight, peak, clipped


def _likely(low: float, high: float) -> str:
    """Returns the narrowest customary range that holds values from low to high."""
    for a, b in ((0, 1), (-1, 1), (0, 255), (0, 4095), (0, 65535)):
        if a <= low and high <= b:
            return f"{a},{b}"
    return f"{low:g},{high:g}"


def _read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Returns 'images' and those of the optional columns that the file has; and its other keys."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO would block
            remedy = f"write folder:{path}" if path.is_dir() else "give an .npz or .npy"
            raise UserError(f"config.data: {path} is no file; {remedy}")
        # A pickle in the file could run code, so pickles are refused.
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(file, np.ndarray):
            return {"images": file}, []
        with file:
            if not any(name.endswith(".npy") for name in file.zip.namelist()):
                raise UserError(
                    f"config.data: {path} is a zip without NumPy arrays; for images in a zip "
                    f"write folder:{path}"
                )
            two = set(_DOMAINS) <= set(file)
            if "images.npy" not in file.zip.namelist() and not two:
                raise UserError(
                    f"config.data: {path} has no 'images', only {names(sorted(file))}; "
                    "save it with np.savez(path, images=...)"
                )
            for info in file.zip.infolist():
                if info.file_size > max(_SPARSE, _DENSITY * info.compress_size):
                    raise UserError(
                        f"config.data: {path} has {info.file_size / 1e9:.1f} GB in "
                        f"{info.compress_size} bytes; save it with np.savez(path, images=...)"
                    )
            wanted = (*_DOMAINS, *_TESTS) if two else ("images", *_OPTIONAL)
            found = {key: file[key] for key in wanted if key in file}
            if not all(isinstance(value, np.ndarray) for value in found.values()):
                raise ValueError("a member that is no array")
            return found, sorted(set(file) - set(found))
    except FileNotFoundError as error:
        raise UserError(f"config.data: no file {path}; check the path after 'array:'") from error
    except UserError:
        raise
    except Exception as error:  # a member of a zip raises whatever its decompressor does
        raise UserError(
            f"config.data: {path} is not a readable .npz or .npy ({reason(error)}); "
            "save it with np.savez(path, images=...)"
        ) from error
