"""Crops, resizes and converts uint8 images in [0, 255]. Pillow is imported on first use."""

from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

# ITU-R 601 luma in 16-bit fixed point, the weights of Pillow's convert('L'); they sum to 2**16.
_LUMA = np.array([19595, 38470, 7471], np.uint32)


def check_target(res: int, channels: int = 3) -> None:
    """Checks the side in pixels and the number of channels that a config asks for.

    Raises:
      UserError: a `res` that is not a positive int, or `channels` other than 1 and 3.
    """
    if not isinstance(res, int) or res < 1:
        raise UserError(f"config.data: res={res!r}; give a positive whole number of pixels")
    if channels not in (1, 3):
        raise UserError(f"config.data: channels={channels!r}; give 1 (gray) or 3 (RGB)")


def to_square(img: "Image.Image", res: int, channels: int) -> np.ndarray:
    """Converts any image to a square one: uint8 (res, res, channels).

    Applies the EXIF orientation, composites transparency on white, converts to gray or RGB,
    crops the center square and resizes it with antialiasing.

    Raises:
      ValueError: pixels without a fixed range (modes 'I' and 'F'), which 8 bits cannot represent.
    """
    from PIL import Image, ImageOps

    if img.mode in ("I", "F"):
        raise ValueError(f"pixels of mode {img.mode} have no defined range")
    img = ImageOps.exif_transpose(img)
    if img.mode.startswith("I;16"):  # Pillow would clip 16 bits at 255 instead of scaling them
        img = Image.fromarray((np.asarray(img) >> 8).astype(np.uint8))
    if img.has_transparency_data:
        white = Image.new("RGBA", img.size, "white")
        img = Image.alpha_composite(white, img.convert("RGBA"))
    img = _resize(img.convert("L" if channels == 1 else "RGB"), res)
    return np.asarray(img).reshape(res, res, channels)


def resize_batch(images: np.ndarray, res: int) -> np.ndarray:
    """Crops the center squares of uint8 (N, H, W, C) and resizes them to (N, res, res, C).

    Each channel is resized separately, so any number of channels is accepted.
    """
    from PIL import Image

    n, height, width, channels = images.shape
    if (height, width) == (res, res):
        return images
    out = np.empty((n, res, res, channels), np.uint8)
    for i, c in np.ndindex(n, channels):
        plane = Image.fromarray(np.ascontiguousarray(images[i, :, :, c]))
        out[i, :, :, c] = np.asarray(_resize(plane, res))
    return out


def convert_channels(images: np.ndarray, channels: int) -> np.ndarray:
    """Converts uint8 (N, H, W, C) to `channels`: luminance for 3 to 1, repetition for 1 to 3.

    Raises:
      UserError: any other conversion.
    """
    match images.shape[-1], channels:
        case have, want if have == want:
            return images
        case 3, 1:
            luma = (images @ _LUMA + 0x8000) >> 16
            return luma.astype(np.uint8)[..., None]
        case 1, 3:
            return np.repeat(images, 3, axis=-1)
    raise UserError(
        f"config.data: cannot make {channels} channels of {images.shape[-1]}; "
        "only 1 and 3 convert to each other"
    )


def _resize(img: "Image.Image", res: int) -> "Image.Image":
    """Crops the center square and resizes it; Lanczos' support widens with the reduction."""
    from PIL import Image

    side = min(img.size)
    # An integer corner, so that at side == res the crop is exact.
    left, top = (img.width - side) // 2, (img.height - side) // 2
    box = (left, top, left + side, top + side)
    return img.resize((res, res), Image.Resampling.LANCZOS, box=box)
