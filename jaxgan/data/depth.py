"""Maps pixel values of any depth to 8 bits: 16-bit, 32-bit and float ones."""

import sys
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112  # the EXIF tag
_PIECE = 2**20  # values converted at once
Range = tuple[float, float]  # the values that become 0 and 255


class Eight(NamedTuple):
    """A picture of 8 bits a channel, and what it was.

    deep: it had more than 8 bits a channel. peak: its largest value, in 1/65535 of the range that
    its file declares; 0 unless deep. clipped: the share of values that lay outside the range in
    force.
    """

    img: "Image.Image"
    deep: bool = False
    peak: float = 0.0
    clipped: float = 0.0


def limits(dtype: np.dtype, bits: int, interval: Range | None) -> Range | None:
    """Returns the values that become 0 and 255, or None where the dtype alone does not say.

    Args:
      dtype: of the values.
      bits: what they use of an integer dtype, or 0 where that is not given.
      interval: the answer, where it is given.
    """
    if interval is not None:
        return interval
    if dtype.kind == "b":
        return 0, 1
    if dtype.name == "uint8":
        return 0, 255
    if dtype.kind in "iu" and bits:
        return 0, 2**bits - 1
    return (0, 65535) if dtype.name == "uint16" else None


def levels(values: np.ndarray, interval: Range) -> np.ndarray:
    """Maps `interval` linearly to [0, 255], rounded, as uint8; values outside are clipped."""
    low, high = interval
    out = np.empty(values.shape, np.uint8)
    step = max(1, _PIECE * len(values) // max(1, values.size))
    for start in range(0, len(values), step):  # floats of a large picture take eight times its size
        piece = values[start : start + step].astype(np.float64)
        out[start : start + step] = np.clip(np.rint((piece - low) * 255 / (high - low)), 0, 255)
    return out


def outside(values: np.ndarray, interval: Range) -> float:
    """Returns the share of values outside the interval."""
    return float(np.mean((values < interval[0]) | (values > interval[1])))


def stored(img: "Image.Image") -> str:
    """Returns how an image that is not loaded yet stores its pixels, as Pillow's raw mode."""
    args = img.tile[0][3] if getattr(img, "tile", None) else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def to_8_bits(img: "Image.Image", bits: int, interval: Range | None) -> Eight:
    """Converts an image that is not loaded yet to 8 bits a channel.

    Args:
      img: of any mode.
      bits: what pictures of more than 8 bits use of them; 0 for all that their file declares.
      interval: the values that become 0 and 255, of pictures of 8 bits too; None for the range
        that follows from the depth.

    Raises:
      ValueError: pixels whose range is not known, that have fewer bits, or are not finite.
    """
    raw = stored(img)
    if bits > 16 and (";16" in raw or img.mode.startswith("I;16")):
        raise ValueError(f"16 bits, fewer than config.data.bits={bits}")
    if img.mode in ("I", "F") or img.mode.startswith("I;16"):
        return _gray(img, raw, bits, interval)
    if ";16" in raw and (bits or interval):
        return _color(img, interval or (0, 2**bits - 1))
    if ";16" in raw:  # Pillow keeps the upper 8 bits
        highest = max(high for _, high in img.convert("RGB").getextrema())
        return Eight(img, deep=True, peak=256 * highest + 255)
    if interval:
        return _shallow(img, interval)
    return Eight(img)


def _gray(img: "Image.Image", raw: str, bits: int, interval: Range | None) -> Eight:
    """Converts a picture of mode I;16, I or F, stored as `raw`."""
    from PIL import Image

    values = np.asarray(img)
    declared = 12 if raw == "I;12" else 16
    # Whatever a PPM's depth, Pillow spreads it over 16 bits.
    bits = 16 if img.format == "PPM" else bits or (declared if values.dtype.name == "uint16" else 0)
    if img.format == "PPM" or raw in ("I;16", "I;16B"):  # which older Pillow reads into 32 bits
        values = values.astype(np.uint16)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError("pixels that are not finite")
    found = limits(values.dtype, bits, interval)
    if found is None:
        options = "range" if values.dtype.kind == "f" else "bits or config.data.range"
        raise ValueError(
            f"{values.dtype.name} pixels from {values.min():g} to {values.max():g}: "
            f"set config.data.{options}"
        )
    out = Image.fromarray(levels(values, found))
    key = img.info.get("transparency")
    if isinstance(key, int):  # one value counts as transparent
        out.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    peak = 65535.0
    if values.dtype.name == "uint16":
        peak *= float(values.max()) / (2**declared - 1)
    return Eight(_oriented(out, img), True, peak, outside(values, found))


def _color(img: "Image.Image", interval: Range) -> Eight:
    """Converts a picture of several channels of 16 bits, of which Pillow decodes 8 at a time."""
    from PIL import Image

    raw, file, tiles = stored(img), img.fp, img.tile
    order = "16L" if sys.byteorder == "little" else "16B"
    other = {"16B": "16L", "16L": "16B"}[raw[-3:].replace("16N", order)]
    if img.mode not in ("RGB", "RGBA") or not raw.startswith(f"{img.mode};"):
        raise ValueError(f"16-bit pixels of kind {raw}, of which only the upper 8 bits can be read")
    upper = np.asarray(img).astype(np.uint16)
    file.seek(0)
    with Image.open(file) as again:  # in the other byte order the lower 8 bits are the upper ones
        again.tile = [
            (
                *tile[:3],
                (raw[:-3] + other, *tile[3][1:])
                if isinstance(tile[3], tuple)
                else raw[:-3] + other,
            )
            for tile in tiles
        ]
        values = (upper << 8) + np.asarray(again)
    color = values[..., :3]
    out = np.concatenate([levels(color, interval), upper[..., 3:].astype(np.uint8)], axis=-1)
    peak = float(color.max())
    return Eight(_oriented(Image.fromarray(out), img), True, peak, outside(color, interval))


def _shallow(img: "Image.Image", interval: Range) -> Eight:
    """Spreads an interval of 8-bit values; alpha stays as it is."""
    if img.mode not in ("L", "LA", "RGB", "RGBA"):
        img = img.convert("RGBA" if img.has_transparency_data else "RGB")
    table = np.arange(256)
    spread, same = levels(table, interval).tolist(), table.tolist()
    alpha = img.mode in ("LA", "RGBA")
    colors = len(img.getbands()) - alpha
    counts = np.array(img.histogram()[: 256 * colors]).reshape(colors, 256).sum(axis=0)
    beyond = (table < interval[0]) | (table > interval[1])
    clipped = float(counts[beyond].sum() / counts.sum())
    return Eight(img.point(spread * colors + same * alpha), clipped=clipped)


def _oriented(out: "Image.Image", img: "Image.Image") -> "Image.Image":
    """Copies the EXIF orientation of `img` to `out`."""
    out.getexif()[_ORIENTATION] = img.getexif().get(_ORIENTATION, 1)
    return out
