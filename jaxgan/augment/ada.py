"""Adaptive discriminator augmentation (Karras et al. 2020b): the pipe "bgc" and its strength p.

Reals and fakes are transformed alike before d sees them, each transform of each image with
probability p (appendix B): flips, quarter turns, whole-pixel shifts ("b"); scaling, turning,
stretching, shifting ("g"); brightness, contrast, luma flip, hue, saturation ("c"). All geometric
ones are one affine map of an image, all colours one matrix. Differentiable in the image; at p = 0
nothing changes, to the bit.
"""

import math

import jax
import jax.numpy as jnp

from jaxgan.nets.ops import upfirdn as fir

Array = jax.Array

# Daubechies' symlet 6: images are resampled at twice their resolution, filtered by it.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
# Its centre of mass lies so far from its middle: what it filters is moved, in doubled pixels.
DELAY = 5.5 - sum(i * tap for i, tap in enumerate(SYM6)) / sum(SYM6)
LUMA = (3**-0.5,) * 3


def bgc(key: Array, x: Array, p: Array) -> Array:
    """Images (N, H, W, 1 or 3) in [-1, 1], p in [0, 1] -> as many of the same shape."""
    k_where, k_colour = jax.random.split(key)
    return recolour(x_warped(k_where, x, p), colours(k_colour, len(x), p))


def adapt(p: Array, signs: Array, batch: int, target: float = 0.6, kimg: float = 500.0) -> Array:
    """p after the mean sign of d on reals, `signs`, over 4 batches: towards r_t = target.

    p moves at a speed that takes it from 0 to 1 in `kimg` thousand images (section 3.1).
    """
    step = jnp.sign(signs - target) * 4 * batch / (1000 * kimg)
    return jnp.clip(p + step, 0.0, 1.0)


def x_warped(key: Array, x: Array, p: Array) -> Array:
    """Each image under its own affine map; one whose map is the identity stays as it is."""
    maps = warps(key, x.shape, p)
    same = (maps == jnp.eye(3)).all(axis=(1, 2))
    return jnp.where(same[:, None, None, None], x, warp(x, maps))


def warps(key: Array, shape: tuple[int, ...], p: Array) -> Array:
    """(N, 3, 3): where each pixel of the result comes from, in pixels from the image's centre."""
    n, height, width, _ = shape
    size = jnp.array([width, height])
    keys = iter(jax.random.split(key, 20))
    p_turn = 1 - jnp.sqrt(1 - p)  # of two turns, one is made with probability p

    def coin(chance: Array) -> Array:
        return jax.random.uniform(next(keys), (n,)) < chance

    def below(most: int) -> Array:
        return jax.random.randint(next(keys), (n,), 0, most)

    def angle() -> Array:
        return jax.random.uniform(next(keys), (n,), minval=-math.pi, maxval=math.pi)

    def normal(*more: int) -> Array:
        return jax.random.normal(next(keys), (n, *more))

    flip = jnp.where(coin(p) & (below(2) == 1), -1.0, 1.0)
    turn = jnp.where(coin(p), below(4), 0)
    whole = jnp.round(jax.random.uniform(next(keys), (n, 2), minval=-0.125, maxval=0.125) * size)
    scale = jnp.where(coin(p), jnp.exp2(0.2 * normal()), 1.0)
    first = jnp.where(coin(p_turn), angle(), 0.0)
    stretch = jnp.where(coin(p), jnp.exp2(0.2 * normal()), 1.0)
    second = jnp.where(coin(p_turn), angle(), 0.0)
    part = 0.125 * normal(2) * size
    maps = _scaling(flip, jnp.ones(n)) @ _quarters(turn)
    maps @= _shifting(jnp.where(coin(p)[:, None], whole, 0.0))
    maps @= _scaling(1 / scale, 1 / scale) @ _turning(first)
    maps @= _scaling(1 / stretch, stretch) @ _turning(second)
    return maps @ _shifting(jnp.where(coin(p)[:, None], part, 0.0))


def warp(x: Array, maps: Array) -> Array:
    """Each image (N, H, W, C) under its map (N, 3, 3), as from `warps`; edges are mirrored."""
    n, height, width, _ = x.shape
    taps = len(SYM6)
    edge = taps // 2  # what the filter needs around an image
    padded = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), "reflect")
    double = fir.upsample(padded, SYM6)
    centre = jnp.array([double.shape[2], double.shape[1]]) / 2 - 0.5 - DELAY
    # The result at twice its resolution, with a margin that the filter takes off again.
    rows, columns = (jnp.arange(2 * (m + edge)) + 0.5 - (m + edge) + DELAY for m in (height, width))
    grid = jnp.stack(jnp.broadcast_arrays(columns, rows[:, None], 2.0), axis=-1) / 2
    places = 2 * jnp.einsum("nij,hwj->nhwi", maps[:, :2], grid) + centre
    drawn = jax.vmap(_bilinear)(double, places)
    pads = (-edge + (taps - 1) // 2, -edge + (taps - 2) // 2)
    return fir.upfirdn2d(drawn, SYM6[::-1], down=2, padding=(pads, pads))


def colours(key: Array, n: int, p: Array) -> Array:
    """(N, 4, 4): an affine map of each image's colours (r, g, b, 1)."""
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
    maps = _around_luma(hue) @ maps
    saturation = gate(jnp.exp2(normal()), 1.0)
    return (luma + saturation * (eye - luma)).at[:, 3, 3].set(1.0) @ maps


def recolour(x: Array, maps: Array) -> Array:
    """Each image (N, H, W, 3 or 1) under its map (N, 4, 4); grey takes the mean of the rows."""
    same = (maps == jnp.eye(4)).all(axis=(1, 2))[:, None, None, None]
    if x.shape[-1] == 3:
        out = jnp.einsum("nhwc,ndc->nhwd", x, maps[:, :3, :3]) + maps[:, None, None, :3, 3]
    else:
        row = maps[:, :3].mean(axis=1)[:, None, None]
        out = x * row[..., :3].sum(axis=-1, keepdims=True) + row[..., 3:]
    return jnp.where(same, x, out)


def _bilinear(image: Array, places: Array) -> Array:
    """image (H, W, C) at places (..., 2), (x, y) in pixels from the first one's centre."""
    height, width, _ = image.shape
    x, y = jnp.moveaxis(places, -1, 0)
    left, top = jnp.floor(x), jnp.floor(y)
    fx, fy = (x - left)[..., None], (y - top)[..., None]

    def at(dy: int, dx: int) -> Array:
        return image[_mirrored(top + dy, height), _mirrored(left + dx, width)]

    upper = at(0, 0) * (1 - fx) + at(0, 1) * fx
    return upper * (1 - fy) + (at(1, 0) * (1 - fx) + at(1, 1) * fx) * fy


def _mirrored(i: Array, n: int) -> Array:
    """Indices reflected at the edges into 0 to n - 1."""
    return jnp.abs(jnp.mod(i.astype(jnp.int32) + n - 1, 2 * n - 2) - n + 1)


def _scaling(x: Array, y: Array) -> Array:
    return jax.vmap(lambda x, y: jnp.diag(jnp.stack([x, y, jnp.ones(())])))(x, y)


def _shifting(by: Array) -> Array:
    return jnp.tile(jnp.eye(3), (len(by), 1, 1)).at[:, :2, 2].set(-by)


def _turning(angle: Array) -> Array:
    c, s, o, i = jnp.cos(angle), jnp.sin(angle), jnp.zeros_like(angle), jnp.ones_like(angle)
    return jnp.stack([c, -s, o, s, c, o, o, o, i], axis=-1).reshape(-1, 3, 3)


def _quarters(turns: Array) -> Array:
    """Exact quarter turns: a cosine of pi/2 would not be 0."""
    c, s = jnp.array([1.0, 0.0, -1.0, 0.0])[turns], jnp.array([0.0, 1.0, 0.0, -1.0])[turns]
    o, i = jnp.zeros_like(c), jnp.ones_like(c)
    return jnp.stack([c, -s, o, s, c, o, o, o, i], axis=-1).reshape(-1, 3, 3)


def _around_luma(angle: Array) -> Array:
    """Rotations of colour space by angle (N, 1, 1) around the grey axis (Rodrigues)."""
    a = LUMA[0]
    cross = jnp.array([[0, -a, a, 0], [a, 0, -a, 0], [-a, a, 0, 0], [0, 0, 0, 0]])
    return jnp.eye(4) + jnp.sin(angle) * cross + (1 - jnp.cos(angle)) * (cross @ cross)
