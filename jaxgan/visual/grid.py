"""Sample grids as PNG files, and their progress as a GIF."""

import math
from pathlib import Path

import numpy as np
from PIL import Image


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Converts images in [-1, 1] to uint8 in [0, 255]; values outside are clipped."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


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


def save_png(path: Path, picture: np.ndarray) -> None:
    """Writes a picture, uint8 (H, W, 1 or 3), as a PNG file."""
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)


def save_gif(path: Path, frames: list[Path], most: int = 60) -> None:
    """Writes an animated GIF of picture files.

    Args:
      path: the GIF.
      frames: the picture files, in order.
      most: the largest number of frames; of more, evenly spaced ones including the first and the
        last are shown.
    """
    chosen = {round(i) for i in np.linspace(0, len(frames) - 1, min(most, len(frames)))}
    images = [Image.open(frames[i]).convert("RGB") for i in sorted(chosen)]
    durations = [120] * (len(images) - 1) + [2000]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
