"""Pictures of different sizes in one array, and crops of them."""

import dataclasses
from functools import cached_property

import numpy as np


@dataclasses.dataclass(frozen=True)
class Ragged:
    """Pictures of different sizes, one after the other.

    pixels: uint8 (total, C), memory-mapped, rows from the top, each from the left.
    sizes: int64 (n, 2), height and width of each.
    """

    pixels: np.ndarray
    sizes: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Where in `pixels` each picture begins, and the last ends: int64 (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes.prod(axis=1))])

    def picture(self, row: int) -> np.ndarray:
        """Returns one picture whole, uint8 (H, W, C), without reading it."""
        pixels = self.pixels[self.starts[row] : self.starts[row + 1]]
        return pixels.reshape(*self.sizes[row], pixels.shape[-1])

    def crops(self, rows: np.ndarray, places: np.ndarray, side: int) -> np.ndarray:
        """Crops squares: uint8 (n, side, side, C).

        Args:
          rows: int64 (n,), of which pictures.
          places: float64 (n, 2) in [0, 1), where in the room that is left: a uniform number makes
            every top and left edge at which the crop lies within equally likely, both ends
            included.
          side: in pixels, at most the shorter side of each.
        """
        room = self.sizes[rows] - side
        corners = np.minimum(np.floor(places * (room + 1)).astype(np.int64), room)
        out = np.empty((len(rows), side, side, self.pixels.shape[-1]), np.uint8)
        for crop, row, (top, left) in zip(out, rows, corners, strict=True):
            crop[:] = self.picture(row)[top : top + side, left : left + side]
        return out
