"""Sheets that one can read: tiles of at least 64 pixels, gutters, and names of rows and columns."""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgan.runtime import files
from jaxgan.visual.raster import save_png

TILE = 64  # pixels a side that a tile has at least
GUTTER = 4  # between tiles
LINE = 15  # pixels of a line of text
SIZE = 11  # of the font
PAPER, INK = 232, 0  # gray, so that pictures on white have edges
WIDEST = 16  # columns that classes make; more are captions


def sheet(
    images: np.ndarray,
    columns: int = 0,
    *,
    rows: Sequence[str] = (),
    names: Sequence[str] = (),
    captions: Sequence[str] = (),
    title: str = "",
    side: int = TILE,
) -> np.ndarray:
    """Arranges images row by row on paper.

    Args:
      images: uint8 (N, H, W, C), C 1, 3 or 4; enlarged by a whole number where small.
      columns: images per row; 0 for as square a sheet as possible.
      rows, names: of the rows, at their left, and of the columns, above them; () for none.
      captions: a text below each image, as much of it as fits; () for none.
      title: a line above all.
      side: pixels that the sides of a tile have at least.

    Returns:
      uint8 (H', W', C).
    """
    tiles = enlarged(images, side)
    n, height, width, channels = tiles.shape
    columns = columns or math.ceil(math.sqrt(n))
    count = math.ceil(n / columns)
    left = GUTTER + max([math.ceil(font().getlength(line)) + GUTTER for line in rows], default=0)
    top = GUTTER + LINE * (bool(names) + bool(title))
    step_y, step_x = height + GUTTER + LINE * bool(captions), width + GUTTER
    size = top + count * step_y, left + columns * step_x
    paper = blank(*size, channels)
    for i, tile in enumerate(tiles):
        y, x = top + i // columns * step_y, left + i % columns * step_x
        paper[y : y + height, x : x + width] = tile
        if captions:
            write(paper, captions[i], y + height, x, width)
    for i, line in enumerate(rows[:count]):
        write(paper, line, top + i * step_y + (height - LINE) // 2, GUTTER, left - GUTTER)
    for i, line in enumerate(names[:columns]):
        write(paper, line, top - GUTTER // 2 - LINE, left + i * step_x, width)
    if title:
        write(paper, title, 0, left, size[1] - left, centered=False)
    return paper


def arranged(names: Sequence[str]) -> dict[str, Any]:
    """Returns keywords of `sheet` for images with names: a column each where they recur in order.

    Else they are captions; so are those of more than WIDEST columns.
    """
    period = list(dict.fromkeys(names))
    in_order = all(name == period[i % len(period)] for i, name in enumerate(names))
    if 1 < len(period) <= WIDEST and in_order:
        return {"columns": len(period), "names": period}
    return {"captions": names}


def enlarged(images: np.ndarray, side: int = TILE) -> np.ndarray:
    """Repeats the pixels of images (N, H, W, C) so that their sides have at least `side`."""
    factor = max(1, math.ceil(side / min(images.shape[1:3])))
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def beside(sheets: Sequence[np.ndarray]) -> np.ndarray:
    """Puts sheets (H, W, C) of one number of channels beside each other, at the top."""
    height = max(len(each) for each in sheets)
    below = [blank(height - len(each), *each.shape[1:]) for each in sheets]
    full = [np.concatenate(pair) for pair in zip(sheets, below, strict=True)]
    return np.concatenate(full, axis=1)


def blank(height: int, width: int, channels: int) -> np.ndarray:
    """Returns empty paper, uint8 (H, W, C), opaque."""
    paper = np.full((height, width, channels), PAPER, np.uint8)
    if channels == 4:
        paper[..., 3] = 255
    return paper


def write(
    paper: np.ndarray, text: str, y: int, x: int, width: int, *, centered: bool = True
) -> None:
    """Writes as much of a line as fits into `width` onto paper (H, W, C), in place."""
    text = "".join(c if c.isprintable() else "?" for c in text[:width])
    while len(text) > 1 and font().getlength(text) > width:
        text = text[:-1]
    strip = Image.new("L", (width, LINE), PAPER)
    start = max(0, width - font().getlength(text)) // 2 if centered else 0
    ImageDraw.Draw(strip).text((start, 0), text, INK, font())
    ink = np.asarray(strip)[..., None]
    colors = paper[y : y + LINE, x : x + width, : 3 if paper.shape[-1] > 2 else 1]
    colors[:] = np.minimum(colors, ink[: colors.shape[0], : colors.shape[1]])


@cache
def font() -> ImageFont.FreeTypeFont:
    """Loads matplotlib's font, which has more alphabets than Pillow's own."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    return ImageFont.truetype(path, SIZE)


def save(path: Path, frames: Sequence[np.ndarray], milliseconds: int = 120) -> None:
    """Writes pictures, uint8 (H, W, C): one as .png or .webp, any number as .gif or .webp.

    Raises:
      UserError: it cannot be written.
    """
    if path.suffix == ".png":
        return save_png(path, frames[0])
    images = [Image.fromarray(f[..., 0] if f.shape[-1] == 1 else f) for f in frames]
    options: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    if len(images) > 1:
        options |= {"save_all": True, "append_images": images[1:], "loop": 0}
        options["duration"] = milliseconds
    with files.replacing(path) as file:
        images[0].convert("RGB").save(file, path.suffix[1:].upper(), **options)
    return None
