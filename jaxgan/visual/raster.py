"""Pictures as pixels: from floats to bytes, to PNG files, and their progress as a GIF."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.runtime import files


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Converts images in [-1, 1] to uint8 in [0, 255]; values outside are clipped."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def to_floats(images: np.ndarray) -> np.ndarray:
    """Converts uint8 images to float32 in [-1, 1]; returns floats as float32."""
    images = np.asarray(images)
    return np.float32(images) / 127.5 - 1 if images.dtype == np.uint8 else np.float32(images)


def save_png(path: Path, picture: np.ndarray) -> None:
    """Writes a picture, uint8 (H, W, 1 or 3), as a PNG file.

    Raises:
      UserError: it cannot be written.
    """
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    with files.replacing(path) as file:
        image.save(file, "PNG")


def save_gif(path: Path, frames: list[Path], most: int = 60) -> list[Path]:
    """Writes an animated GIF of PNG files, of as many as can be read; none where none can.

    Args:
      path: the GIF.
      frames: the picture files, in order.
      most: the largest number of frames; of more, evenly spaced ones including the first and the
        last are shown.

    Returns:
      The files that were left out because they are no pictures.

    Raises:
      UserError: it cannot be written.
    """
    chosen = {round(i) for i in np.linspace(0, len(frames) - 1, min(most, len(frames)))}
    read = {frames[i]: _open(frames[i]) for i in sorted(chosen)}
    images = [image for image in read.values() if image is not None]
    if images:
        durations = [120] * (len(images) - 1) + [2000]
        rest = {"append_images": images[1:], "duration": durations, "loop": 0}
        with files.replacing(path) as file:
            images[0].save(file, "GIF", save_all=True, **rest)
    return [frame for frame, image in read.items() if image is None]


def _open(path: Path) -> Image.Image | None:
    """Reads a PNG file as RGB; None of a file that is damaged, or is no PNG or too large for one.

    Pillow reports damage by exceptions of many kinds, SyntaxError among them.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error):
        return None
    except Image.DecompressionBombError:
        return None
