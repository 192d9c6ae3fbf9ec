"""Fits, resizes and converts uint8 images in [0, 255]. Pillow is imported on first use."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgan.data import depth
from jaxgan.data.columns import CHANNELS
from jaxgan.data.survey import Facts
from jaxgan.runtime import capacity
from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

FITS = ("crop", "pad", "squash")
SHORTER = "shorter"  # not among them: what it gives is not square
_LONGEST = 100  # times the shorter side: scaled, a single row of pixels would fill the memory
# ITU-R 601 luma in 16-bit fixed point, the weights of Pillow's convert('L'); they sum to 2**16.
_BAND = 2**20  # pixels composited at once
_LUMA = np.array([19595, 38470, 7471], np.uint32)


class Target(NamedTuple):
    """What pictures become: uint8 (res, res, channels); checked by `target`.

    fit: 'crop' keeps the center square; 'pad' keeps all, in black bars, transparent ones with
    four channels; 'squash' keeps all and changes the aspect ratio; SHORTER keeps all and the ratio,
    uint8 (H, W, channels) with min(H, W) = res. bits: what pictures of more than 8 bits use of
    them, 0 for all. range: the values that become 0 and 255, None where they follow from the depth.
    """

    res: int
    channels: int = 3
    fit: str = "crop"
    bits: int = 0
    range: depth.Range | None = None


def target(
    res: int,
    channels: int = 3,
    fit: str = "crop",
    bits: int = 0,
    interval: Sequence[float] | None = None,
) -> Target:
    """Checks what a config asks for.

    Raises:
      UserError: a `res` that is not a positive int, `channels` other than 1, 3 and 4, another
        `fit`, bits that are not 1 to 32, a range that is not two rising numbers, or both.
    """
    check_target(res, channels)
    if fit not in FITS:
        raise UserError(f"config.data.fit={fit!r}: give 'crop', 'pad' or 'squash'")
    if type(bits) is not int or not 0 <= bits <= 32:
        raise UserError(f"config.data.bits={bits!r}: give 1 to 32, or 0 for all that the type has")
    if interval is None:
        return Target(res, channels, fit, bits)
    at = f"config.data.range={interval!r}"
    if bits:
        raise UserError(f"{at}: config.data.bits={bits} says so too; remove one of them")
    numbers = isinstance(interval, list | tuple) and [
        type(x) in (int, float) and math.isfinite(x) for x in interval
    ]
    if numbers != [True, True] or interval[0] >= interval[1]:
        raise UserError(f"{at}: give two rising numbers, what becomes black and what white")
    return Target(res, channels, fit, range=(float(interval[0]), float(interval[1])))


def check_target(res: int, channels: int = 3) -> None:
    """Checks the side in pixels and the number of channels that a config asks for.

    Raises:
      UserError: a `res` that is not a positive int, or `channels` other than 1, 3 and 4.
    """
    if type(res) is not int or res < 1:
        raise UserError(f"config.data.res={res!r}: give a positive whole number of pixels")
    if type(channels) is not int or channels not in CHANNELS:
        raise UserError(f"config.data.channels={channels!r}: give 1 (gray), 3 (RGB) or 4 (RGBA)")


def to_square(img: "Image.Image", want: Target) -> tuple[np.ndarray, Facts]:
    """Converts any image that is not loaded yet to uint8 (res, res, channels).

    As `upright`, then fits a square with antialiasing.

    Returns:
      The pixels, and what the image was.

    Raises:
      ValueError: pixels whose range is not known, or that are not finite.
    """
    img, facts = upright(img, want)
    pixels = np.asarray(_resize(img, want.res, want.fit))
    return pixels.reshape(want.res, want.res, want.channels), facts


def to_shorter(img: "Image.Image", want: Target) -> tuple[np.ndarray, Facts]:
    """Converts any image that is not loaded yet to uint8 (H, W, channels), min(H, W) = res.

    As `upright`, then `scaled`.

    Returns:
      The pixels, and what the image was.

    Raises:
      ValueError: pixels whose range is not known, or that are not finite; one side is more than
        100 times the other.
    """
    img, facts = upright(img, want)
    if max(img.size) > _LONGEST * min(img.size):
        raise ValueError(f"{img.width}x{img.height} pixels, a side {_LONGEST} times the other")
    img = scaled(img, want.res)
    return np.asarray(img).reshape(img.height, img.width, want.channels), facts


def scaled(img: "Image.Image", side: int) -> "Image.Image":
    """Resizes an image by antialiased bicubic interpolation until its shorter side is `side`."""
    from PIL import Image

    short = min(img.size)
    # As torchvision's Resize, which cuts the longer side's fraction off.
    width, height = (side * each // short for each in img.size)
    return img.resize((width, height), Image.Resampling.BICUBIC)


def upright(img: "Image.Image", want: Target) -> tuple["Image.Image", Facts]:
    """Converts any image that is not loaded yet to 8 bits and the wanted channels, at its size.

    Maps deep pixels to 8 bits, applies the EXIF orientation, composites transparency on white
    unless it is wanted, and converts to gray, RGB or RGBA.

    Raises:
      ValueError: pixels whose range is not known, or that are not finite.
    """
    from PIL import ImageOps

    kind = _kind(img)
    eight = depth.to_8_bits(img, want.bits, want.range)
    img = eight.img
    img.load()
    ImageOps.exif_transpose(img, in_place=True)  # which otherwise copies what is upright already
    transparent = False
    if img.has_transparency_data and want.channels < 4:
        img, transparent = _on_white(img)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[want.channels]
    facts = Facts(*img.size, kind, eight.deep, eight.peak, eight.clipped, transparent)
    return img if img.mode == mode else img.convert(mode), facts


def _on_white(img: "Image.Image") -> tuple["Image.Image", bool]:
    """Composites an image on white, and returns whether any of it is transparent.

    A band at a time: as RGBA, a palette's image takes four times its size, and three of them here.
    """
    from PIL import Image

    out, transparent = Image.new("RGB", img.size), False
    rows = max(1, _BAND // img.width)
    for top in range(0, img.height, rows):
        band = img.crop((0, top, img.width, min(top + rows, img.height))).convert("RGBA")
        transparent |= band.getextrema()[3][0] < 255
        white = Image.new("RGBA", band.size, "white")
        out.paste(Image.alpha_composite(white, band).convert("RGB"), (0, top))
    return out, transparent


def resize_batch(images: np.ndarray, res: int, fit: str = "crop") -> np.ndarray:
    """Fits uint8 (N, H, W, C) to (N, res, res, C), where C is 1, 3 or 4; see `Target.fit`."""
    from PIL import Image

    n, height, width, channels = images.shape
    if (height, width) == (res, res):
        return images
    capacity.check({"images": n * res**2 * channels}, f"config.data.res={res}")
    out = np.empty((n, res, res, channels), np.uint8)
    for i, image in enumerate(images):
        plain = np.ascontiguousarray(image[..., 0] if channels == 1 else image)
        resized = np.asarray(_resize(Image.fromarray(plain), res, fit))
        out[i] = resized.reshape(out[i].shape)
    return out


def convert_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Converts uint8 (N, H, W, C) to 1, 3 or 4 channels, as Pillow does.

    Luminance for 3 to 1, repetition for 1 to 3, white below what is transparent, and opaque
    where alpha is added.
    """
    have = images.shape[-1]
    if have == channels:
        return images
    if channels == 4:
        opaque = np.full((*images.shape[:-1], 1), 255, np.uint8)
        return np.concatenate([convert_channels(images, 3), opaque], axis=-1)
    if have == 4:
        alpha = images[..., 3:].astype(np.uint16)
        over = images[..., :3] * alpha + 255 * (255 - alpha)  # at most 255**2
        return convert_channels(((over + 127) // 255).astype(np.uint8), channels)
    if channels == 3:
        return np.repeat(images, 3, axis=-1)
    luma = (images @ _LUMA + 0x8000) >> 16
    return luma.astype(np.uint8)[..., None]


def _kind(img: "Image.Image") -> str:
    """Names the channels of an image that is not loaded yet, and their depth if not 8 bits."""
    names = {"1": "black and white", "L": "gray", "P": "palette", "I": "32-bit gray"}
    names |= {"F": "float gray", "LA": "gray with alpha", "PA": "palette with alpha"}
    if img.mode.startswith("I;16") or img.format == "PPM" and img.mode == "I":
        return "16-bit gray"
    return ("16-bit " if ";16" in depth.stored(img) else "") + names.get(img.mode, img.mode)


def _resize(img: "Image.Image", res: int, fit: str) -> "Image.Image":
    """Fits a square; Lanczos' support widens with the reduction."""
    from PIL import Image

    lanczos = Image.Resampling.LANCZOS
    if fit == "squash":
        return img.resize((res, res), lanczos)
    if fit == "pad":
        scale = res / max(img.size)
        width, height = (max(1, round(side * scale)) for side in img.size)
        square = Image.new(img.mode, (res, res))
        square.paste(
            img.resize((width, height), lanczos), ((res - width) // 2, (res - height) // 2)
        )
        return square
    side = min(img.size)
    # An integer corner, so that at side == res the crop is exact.
    left, top = (img.width - side) // 2, (img.height - side) // 2
    box = (left, top, left + side, top + side)
    return img.resize((res, res), lanczos, box=box)
