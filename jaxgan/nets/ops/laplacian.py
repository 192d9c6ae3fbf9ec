"""The Laplacian pyramid (Burt & Adelson 1983): an image as its coarsest level and residuals.

Down is by linear interpolation with antialiasing, up by linear interpolation. By a factor of 2 both
filter with [1, 3, 3, 1], whose taps outside of the image are left out and the others scaled, so
that neither darkens borders; both keep a constant image, and the range of values. Any such pair
makes a pyramid that is inverted exactly, since a residual is what going down and up loses.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array


def resized(x: Array, side: int) -> Array:
    """Goes down or up to `side` pixels, (N, H, W, C) -> (N, side, side, C); the same at its own."""
    if x.shape[1:3] == (side, side):
        return x
    shape = (x.shape[0], side, side, x.shape[3])
    return jax.image.resize(x, shape, "linear", antialias=True)


def gaussian(x: Array, sides: Sequence[int]) -> list[Array]:
    """Returns images (N, H, W, C) at each of the sides, ascending to H, each made of the next."""
    levels = [resized(x, sides[-1])]
    for side in reversed(sides[:-1]):
        levels.insert(0, resized(levels[0], side))
    return levels


def decompose(x: Array, sides: Sequence[int]) -> list[Array]:
    """Returns the coarsest image, and the residual (N, side, side, C) of each finer side."""
    levels = gaussian(x, sides)
    pairs = zip(levels, levels[1:], strict=False)
    return [levels[0], *(fine - resized(coarse, fine.shape[1]) for coarse, fine in pairs)]


def compose(parts: Sequence[Array]) -> Array:
    """Returns the image that `decompose` made parts of."""
    image = jnp.asarray(parts[0])
    for residual in parts[1:]:
        image = resized(image, residual.shape[1]) + residual
    return image
