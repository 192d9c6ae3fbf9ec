"""Sample grids as PNG files, and their progress as a GIF."""

import math
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.runtime import files

CAPTION = 11  # pixels below a picture, for its name


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Converts images in [-1, 1] to uint8 in [0, 255]; values outside are clipped."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def to_floats(images: np.ndarray) -> np.ndarray:
    """Converts uint8 images to float32 in [-1, 1]; returns floats as float32."""
    images = np.asarray(images)
    return np.float32(images) / 127.5 - 1 if images.dtype == np.uint8 else np.float32(images)


def grid(images: np.ndarray, columns: int = 0) -> np.ndarray:
    """Arranges images row by row in one picture.

    Args:
      images: uint8 (N, H, W, C).
      columns: images per row; 0 for as square a picture as possible.

    Returns:
      uint8 (rows * H, columns * W, C), black where images are missing.
    """
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, channels)


def captioned(images: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Writes a name below each image, as much of it as fits.

    Args:
      images: uint8 (N, H, W, C), with 1, 3 or 4 channels.
      names: N texts; () leaves the images as they are.

    Returns:
      uint8 (N, H + CAPTION, W, C).
    """
    if not names:
        return images
    n, _, width, channels = images.shape
    strips = {name: _strip(name, width) for name in dict.fromkeys(names)}
    gray = np.stack([strips[name] for name in names])
    below = np.repeat(gray[..., None], channels, axis=-1)
    if channels == 4:
        below[..., 3] = 255
    return np.concatenate([images, below], axis=1)


def _strip(name: str, width: int) -> np.ndarray:
    """Draws a text, white on black: uint8 (CAPTION, width)."""
    import matplotlib  # for its font, which has more alphabets than Pillow's

    path = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    font = ImageFont.truetype(path, CAPTION - 2)
    text = "".join(c if c.isprintable() else "?" for c in name[:width])
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-1]
    strip = Image.new("L", (width, CAPTION))
    left = max(0, width - font.getlength(text)) // 2
    ImageDraw.Draw(strip).text((left, 0), text, 255, font)
    return np.asarray(strip)


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
