"""Pictures of a run: sample grids, their progress as a GIF, loss curves."""

import math
from pathlib import Path

import numpy as np
from PIL import Image


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] -> uint8 in [0, 255]; values outside are clipped."""
    return np.clip(np.round((np.asarray(images) + 1) * 127.5), 0, 255).astype(np.uint8)


def grid(images: np.ndarray, columns: int = 0) -> np.ndarray:
    """(N, H, W, C) uint8 -> one picture, row by row; as square as can be by default."""
    n, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.zeros((rows * columns, height, width, channels), np.uint8)
    sheet[:n] = images
    sheet = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return sheet.reshape(rows * height, columns * width, channels)


def save_png(path: Path, picture: np.ndarray) -> None:
    """(H, W, 1 or 3) uint8 -> a PNG file."""
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)


def save_gif(path: Path, frames: list[Path], most: int = 60) -> None:
    """Picture files -> an animated GIF of at most `most` of them, evenly spaced, first and last."""
    chosen = {round(i) for i in np.linspace(0, len(frames) - 1, min(most, len(frames)))}
    images = [Image.open(frames[i]).convert("RGB") for i in sorted(chosen)]
    durations = [120] * (len(images) - 1) + [2000]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
