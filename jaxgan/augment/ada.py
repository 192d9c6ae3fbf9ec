"""Adaptive discriminator augmentation (Karras et al. 2020b): the pipeline "bgc" and its strength p.

Real images and fake images are transformed alike before d sees them, each transform applied to
each image with probability p (appendix B): flips, 90-degree rotations, integer translations ("b");
scaling, rotation, stretching, fractional translation ("g"); brightness, contrast, luma flip, hue,
saturation ("c"). The geometric transforms compose into one affine map per image, the color ones
into one matrix. Differentiable in the image; at p = 0 images stay the same to the bit. All is
computed in float32, whatever the precision of the nets: with coordinates in bfloat16, a TPU's
default, pixels of 1024 x 1024 images would land up to nine pixels off.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.ops import upfirdn

# Daubechies' symlet 6: images are resampled at twice their resolution and filtered by it.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
LUMA = (3**-0.5,) * 3


def exact(function: Callable[..., Array]) -> Callable[..., Array]:
    """Returns the function with products in full float32 on accelerators too."""

    @functools.wraps(function)
    def run(*args: Array, **kwargs: Array) -> Array:
        with jax.default_matmul_precision("highest"):
            return function(*args, **kwargs)

    return run


def bgc(key: Array, x: Array, p: Array) -> Array:
    """Augments images (N, H, W, 1 or 3) in [-1, 1], each transform with probability p."""
    k_warp, k_color = jax.random.split(key)
    return recolor(random_warp(k_warp, x, p), draw_color_maps(k_color, len(x), p))


def adapt(p: Array, signs: Array, batch: int, target: float = 0.6, kimg: float = 500.0) -> Array:
    """Returns p after one adjustment, which moves r_t towards `target`.

    p moves at a speed that takes it from 0 to 1 in `kimg` thousand images (section 3.1).

    Args:
      p: the probability in use.
      signs: r_t, the mean sign of d's logits on real images over the last 4 batches.
      batch: images per batch.
      target: the r_t to keep.
      kimg: thousands of images in which p can go from 0 to 1.
    """
    step = jnp.sign(signs - target) * 4 * batch / (1000 * kimg)
    return jnp.clip(p + step, 0.0, 1.0)


def random_warp(key: Array, x: Array, p: Array) -> Array:
    """Warps each image by its own random affine map; the identity returns an image unchanged."""
    maps = draw_warps(key, x.shape, p)
    identity = (maps == jnp.eye(3)).all(axis=(1, 2))
    return jnp.where(identity[:, None, None, None], x, warp(x, maps))


@exact
def draw_warps(key: Array, shape: tuple[int, ...], p: Array) -> Array:
    """Draws affine maps (N, 3, 3) from output to input pixels, relative to the image's center."""
    n, height, width, _ = shape
    size = jnp.array([width, height])
    keys = iter(jax.random.split(key, 20))
    p_rotate = 1 - jnp.sqrt(1 - p)  # at least one of the two rotations happens with probability p

    def coin(chance: Array) -> Array:
        return jax.random.uniform(next(keys), (n,)) < chance

    def below(stop: int) -> Array:
        return jax.random.randint(next(keys), (n,), 0, stop)

    def angle() -> Array:
        return jax.random.uniform(next(keys), (n,), minval=-math.pi, maxval=math.pi)

    def normal(*more: int) -> Array:
        return jax.random.normal(next(keys), (n, *more))

    flip = jnp.where(coin(p) & (below(2) == 1), -1.0, 1.0)
    quarters = jnp.where(coin(p), below(4), 0)
    pixels = jnp.round(jax.random.uniform(next(keys), (n, 2), minval=-0.125, maxval=0.125) * size)
    scale = jnp.where(coin(p), jnp.exp2(0.2 * normal()), 1.0)
    before = jnp.where(coin(p_rotate), angle(), 0.0)
    stretch = jnp.where(coin(p), jnp.exp2(0.2 * normal()), 1.0)
    after = jnp.where(coin(p_rotate), angle(), 0.0)
    fraction = 0.125 * normal(2) * size
    maps = _scaling(flip, jnp.ones(n)) @ _rotation_by_quarters(quarters)
    maps @= _translation(jnp.where(coin(p)[:, None], pixels, 0.0))
    maps @= _scaling(1 / scale, 1 / scale) @ _rotation(before)
    maps @= _scaling(1 / stretch, stretch) @ _rotation(after)
    return maps @ _translation(jnp.where(coin(p)[:, None], fraction, 0.0))


@exact
def warp(x: Array, maps: Array) -> Array:
    """Warps images (N, H, W, C) by maps (N, 3, 3) as `draw_warps` gives.

    Images are mirrored about the centers of their edge pixels, once, and 0 beyond, as by
    stylegan2-ada-pytorch, training/augment.py, whose margin is cropped to what the batch's maps
    need, at most a side less one pixel: always that much here, for a static shape.
    """
    n, height, width, _ = x.shape
    taps = len(SYM6)
    edge = taps // 2  # the margin that the filter needs around the result
    margins = ((0, 0), (height - 1, height - 1), (width - 1, width - 1), (0, 0))
    double = upfirdn.upsample(jnp.pad(x, margins, "reflect"), SYM6)
    # A pixel's center lies half a pixel of the doubled image before that of its 2x2 pixels.
    center = jnp.array([double.shape[2], double.shape[1]]) // 2 - 1
    # The result at twice its resolution, with a margin that the filter crops again.
    rows, columns = (jnp.arange(2 * (m + edge)) + 1.0 - (m + edge) for m in (height, width))
    corners, fractions = _points(maps, rows, columns)
    warped = jax.vmap(_bilinear)(double, corners + center, fractions)
    pads = (-edge + (taps - 1) // 2, -edge + (taps - 2) // 2)
    return upfirdn.upfirdn2d(warped, SYM6[::-1], down=2, padding=(pads, pads))


@exact
def draw_color_maps(key: Array, n: int, p: Array) -> Array:
    """Draws n affine maps of homogeneous colors (r, g, b, 1), (n, 4, 4)."""
    keys = iter(jax.random.split(key, 10))
    v = jnp.array([*LUMA, 0.0])
    luma, eye = jnp.outer(v, v), jnp.eye(4)

    def gate(value: Array, neutral: float) -> Array:
        chosen = jax.random.uniform(next(keys), (n,)) < p
        return jnp.where(chosen, value, neutral)[:, None, None]

    def normal() -> Array:
        return jax.random.normal(next(keys), (n,))

    bright = gate(0.2 * normal(), 0.0)
    maps = eye.at[:3, 3].set(1.0) * jnp.where(eye == 1, 1.0, bright)
    contrast = gate(jnp.exp2(0.5 * normal()), 1.0)
    maps = jnp.where(jnp.diag(jnp.array([1, 1, 1, 0])) == 1, contrast, eye) @ maps
    flip = gate(jax.random.randint(next(keys), (n,), 0, 2).astype(jnp.float32), 0.0)
    maps = (eye - 2 * flip * luma) @ maps
    hue = gate(jax.random.uniform(next(keys), (n,), minval=-math.pi, maxval=math.pi), 0.0)
    maps = _rotation_around_luma(hue) @ maps
    saturation = gate(jnp.exp2(normal()), 1.0)
    return (luma + saturation * (eye - luma)).at[:, 3, 3].set(1.0) @ maps


@exact
def recolor(x: Array, maps: Array) -> Array:
    """Maps the colors of images (N, H, W, 3 or 1) by (N, 4, 4); gray takes the rows' mean."""
    identity = (maps == jnp.eye(4)).all(axis=(1, 2))[:, None, None, None]
    if x.shape[-1] == 3:
        out = jnp.einsum("nhwc,ndc->nhwd", x, maps[:, :3, :3]) + maps[:, None, None, :3, 3]
    else:
        row = maps[:, :3].mean(axis=1)[:, None, None]
        out = x * row[..., :3].sum(axis=-1, keepdims=True) + row[..., 3:]
    return jnp.where(identity, x, out)


def _points(maps: Array, rows: Array, columns: Array) -> tuple[Array, Array]:
    """Maps a grid of points of the doubled image, rows (H,) and columns (W,) from its center.

    A float32 coordinate of 100 pixels would err by up to 4e-6. The products with entries rounded to
    2**-10 are exact, and the rest is small.

    Returns:
      the whole pixel at or before each point (x, y), int32 (N, H, W, 2); and by how much the point
      lies beyond it.
    """
    grid = jnp.stack(jnp.broadcast_arrays(columns, rows[:, None], 2.0), axis=-1)
    coarse = jnp.round(maps * 1024) / 1024
    exact, rest = (jnp.einsum("nij,hwj->nhwi", m[:, :2], grid) for m in (coarse, maps - coarse))
    corners = jnp.floor(exact + rest)
    return corners.astype(jnp.int32), (exact - corners) + rest


def _bilinear(image: Array, corners: Array, fractions: Array) -> Array:
    """Interpolates image (H, W, C) at `corners` + `fractions`, (..., 2) each; 0, gray, outside."""
    height, width, channels = image.shape
    pixels = image.reshape(-1, channels)
    out = jnp.zeros((*corners.shape[:-1], channels), image.dtype)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = corners[..., 0] + dx, corners[..., 1] + dy
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        weight = jnp.abs(1 - dx - fractions[..., 0]) * jnp.abs(1 - dy - fractions[..., 1])
        index = jnp.clip(y, 0, height - 1) * width + jnp.clip(x, 0, width - 1)
        out += (inside * weight)[..., None] * pixels[index]
    return out


def _scaling(x: Array, y: Array) -> Array:
    return jax.vmap(lambda x, y: jnp.diag(jnp.stack([x, y, jnp.ones(())])))(x, y)


def _translation(offset: Array) -> Array:
    return jnp.tile(jnp.eye(3), (len(offset), 1, 1)).at[:, :2, 2].set(-offset)


def _rotation(angle: Array) -> Array:
    c, s, o, i = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle), jnp.ones_like(angle)
    return jnp.stack([c, -s, o, s, c, o, o, o, i], axis=-1).reshape(-1, 3, 3)


def _rotation_by_quarters(quarters: Array) -> Array:
    """Returns exact rotations by multiples of 90 degrees: cos(pi/2) in float32 is not 0."""
    c, s = jnp.array([1.0, 0.0, -1.0, 0.0])[quarters], jnp.array([0.0, 1.0, 0.0, -1.0])[quarters]
    o, i = jnp.zeros_like(c), jnp.ones_like(c)
    return jnp.stack([c, -s, o, s, c, o, o, o, i], axis=-1).reshape(-1, 3, 3)


def _rotation_around_luma(angle: Array) -> Array:
    """Returns rotations of color space by angle (N, 1, 1) around the gray axis (Rodrigues)."""
    a = LUMA[0]
    cross = jnp.array([[0, -a, a, 0], [a, 0, -a, 0], [-a, a, 0, 0], [0, 0, 0, 0]])
    return jnp.eye(4) + jnp.sin(angle) * cross + (1 - jnp.cos(angle)) * (cross @ cross)
