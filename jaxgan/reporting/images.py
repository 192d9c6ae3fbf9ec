"""Pictures of a run within a page: as data, few enough and small enough for it."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

SIDE = 640  # pixels of the longer side, at most
LEAST = 80  # pixels, to which a picture is made smaller at most
FRAMES = 24  # of a run, at most


def frames(steps: Sequence[int], sizes: Sequence[int], budget: int) -> list[int]:
    """Chooses evenly spaced steps, the first and the last among them, within a budget of bytes.

    Args:
      steps: in order. sizes: bytes of each. budget: of all.
    """
    for count in range(min(FRAMES, len(steps)), 0, -1):
        last = len(steps) - 1
        chosen = sorted({round(last - i * last / max(1, count - 1)) for i in range(count)})
        if count == 1 or sum(sizes[i] for i in chosen) <= budget:
            return [steps[i] for i in chosen]
    return []


def encoded(path: Path, budget: int) -> tuple[str, tuple[int, int]]:
    """Returns a picture as a data: address, and its (width, height).

    PNG, as it is, where that is smaller; else JPEG of at most SIDE pixels, of fewer where it would
    take more than `budget` characters.

    Raises:
      UserError: a file that cannot be read, or is no picture.
    """
    with files.reading(path):
        content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            size, small = image.size, image.convert("RGB")
    except Exception as error:  # Pillow reports damage by many kinds, SyntaxError among them
        raise UserError(f"{path} is no picture ({reason(error)}); delete it") from None
    best, side = "", SIDE
    while not best or (len(best) > budget and side >= LEAST):
        small.thumbnail((side, side))
        out, side = io.BytesIO(), side // 2
        small.save(out, "JPEG", quality=80)
        best = f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
    png = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    if max(size) <= SIDE and len(png) <= len(best):
        return png, size
    return best, small.size
