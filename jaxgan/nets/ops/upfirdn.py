"""Resampling with a small separable FIR filter, differentiable to any order.

Downsampling without low-pass filtering first aliases; StyleGAN and its successors therefore filter
wherever they resample (Karras et al. 2019, section 2; Zhang 2019). Their filter is the outer
product of [1, 3, 3, 1] with itself.

All resampling is one linear map: insert zeros between pixels, pad the edges, convolve with the
filter, keep every `down`-th pixel. Its adjoint is another map of the same kind, so one JAX
primitive is closed under differentiation. It is lowered to shifted multiply-adds, along the width
and then the height: a depthwise convolution gives the same numbers and is ten times slower or
worse in XLA's CPU back end. The zeros are never materialized: pixel r of each group of `up` has
its own filter (polyphase), and all of them are computed at once.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxgan.nets.ops import plain

Padding = tuple[tuple[int, int], tuple[int, int]]

FILTER = (1.0, 3.0, 3.0, 1.0)


def upfirdn2d(
    x: Array,
    f: Sequence[float] = FILTER,
    *,
    up: int = 1,
    down: int = 1,
    padding: Padding = ((0, 0), (0, 0)),
    gain: float = 1.0,
) -> Array:
    """Upsamples by inserting zeros, pads, filters, and downsamples by dropping pixels.

    Args:
      x: images (N, H, W, C).
      f: the filter's k taps, the same along both axes; scaled to sum to 1.
      up: each pixel becomes up x up pixels, itself at the top left, zeros elsewhere.
      down: every down-th row and column of the filtered image is kept, from the first.
      padding: zeros added ((top, bottom), (left, right)) to the upsampled image; negative crops.
      gain: multiplies the result; up * up keeps the mean brightness.

    Returns:
      (N, H', W', C), H' = (H up + top + bottom - k) // down + 1, likewise W'.
    """
    size = tuple(
        (n * up + sum(pads) - len(f)) // down + 1
        for n, pads in zip(x.shape[1:3], padding, strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"a filter of {len(f)} taps exceeds images {x.shape} padded by {padding}")
    scale = math.sqrt(gain) / sum(f)
    taps = tuple(float(tap) * scale for tap in f)
    before = tuple(int(pads[0]) for pads in padding)
    return resample_p.bind(x, taps=taps, up=up, down=down, before=before, size=size)


def upsample(x: Array, f: Sequence[float] = FILTER) -> Array:
    """Doubles images, (N, H, W, C) -> (N, 2H, 2W, C); keeps the mean."""
    pads = ((len(f) + 1) // 2, (len(f) - 2) // 2)
    return upfirdn2d(x, f, up=2, padding=(pads, pads), gain=4.0)


def downsample(x: Array, f: Sequence[float] = FILTER) -> Array:
    """Halves images, (N, H, W, C) -> (N, H/2, W/2, C); keeps the mean."""
    pads = ((len(f) - 1) // 2, (len(f) - 2) // 2)
    return upfirdn2d(x, f, down=2, padding=(pads, pads))


def _resample(
    x: Array,
    *,
    taps: tuple[float, ...],
    up: int,
    down: int,
    before: tuple[int, int],
    size: tuple[int, int],
) -> Array:
    """Computes the map: x (N, H, W, C) -> (N, *size, C), `before` the padding at top and left."""
    plans = [
        _Plan(n, taps, up, down, start, out)
        for n, start, out in zip(x.shape[1:3], before, size, strict=True)
    ]
    # Sums in float32: bfloat16 would round after each of the terms.
    h = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    edges = ((0, 0, 0), *[plan.edges for plan in plans], (0, 0, 0))
    h = lax.pad(h, jnp.zeros((), h.dtype), edges)
    for axis in (2, 1):
        h = plans[axis - 1].apply(h, axis)
    return h.astype(x.dtype)


class _Plan:
    """Resampling of one axis: out[q period + r] = sum over shifts s of c[s][r] x[q stride + s]."""

    def __init__(self, n: int, taps: tuple[float, ...], up: int, down: int, before: int, size: int):
        """Plans n pixels -> `size` pixels; the other arguments are `upfirdn2d`'s."""
        period = up // math.gcd(up, down)
        self.size, self.stride = size, period * down // up
        self.shifts: dict[int, np.ndarray] = {}
        for r in range(period):
            for i, tap in enumerate(reversed(taps)):
                shift, zero = divmod(r * down + i - before, up)
                if not zero:  # else the tap meets an inserted zero
                    self.shifts.setdefault(shift, np.zeros(period))[r] += tap
        self.reach = (-(-size // period) - 1) * self.stride + 1
        self.first = min(self.shifts)
        self.edges = (-self.first, max(self.shifts) + self.reach - n, 0)

    def apply(self, x: Array, axis: int) -> Array:
        """Resamples x, already padded by `edges`, along `axis`."""
        out = 0
        for shift, c in self.shifts.items():
            start = shift - self.first
            shifted = lax.slice_in_dim(x, start, start + self.reach, self.stride, axis)
            phases = jnp.asarray(c.reshape(-1, *[1] * (x.ndim - 1 - axis)), x.dtype)
            out += jnp.expand_dims(shifted, axis + 1) * phases
        out = out.reshape(*x.shape[:axis], -1, *x.shape[axis + 1 :])
        return lax.slice_in_dim(out, 0, self.size, 1, axis)


def _abstract_eval(x: Any, **params: Any) -> Any:
    # Tracing also carries over shardings and varying mesh axes.
    return jax.make_jaxpr(lambda x: _resample(x, **params))(x).out_avals[0]


def _transpose(
    ct: Array,
    x: Any,
    *,
    taps: tuple[float, ...],
    up: int,
    down: int,
    before: tuple[int, int],
    size: tuple[int, int],
) -> tuple[Array]:
    """Applies the adjoint: `up` and `down` swapped, the filter flipped."""
    del size
    before = tuple(len(taps) - 1 - start for start in before)
    size = tuple(x.aval.shape[1:3])
    return (resample_p.bind(ct, taps=taps[::-1], up=down, down=up, before=before, size=size),)


def _batch(args: Any, dims: Any, **params: Any) -> Any:
    x = jnp.moveaxis(args[0], dims[0], 0)
    out = resample_p.bind(x.reshape(-1, *x.shape[2:]), **params)
    return out.reshape(*x.shape[:2], *out.shape[1:]), 0


resample_p = Primitive("jaxgan_resample")
plain.rules[resample_p] = _resample
resample_p.def_abstract_eval(_abstract_eval)
resample_p.def_impl(
    jax.jit(resample_p.bind, static_argnames=("taps", "up", "down", "before", "size"))
)
mlir.register_lowering(resample_p, mlir.lower_fun(_resample, multiple_results=False))
batching.primitive_batchers[resample_p] = _batch
ad.deflinear2(resample_p, _transpose)
