"""Grouped convolutions: each group of channels is convolved by itself, with kernels of its own.

The CPU gets a convolution for each of at most `SLABS` slabs of groups, by `conv_cpu`'s rules; more
groups than slabs are merged, their kernels on the diagonal of a larger one. Other platforms get
lax's grouped convolution and what lax derives from it. `conv.py` explains how a primitive chooses.

GFLOP in a second of CPU time in float32, 3x3 kernels, 16 channels a group (jax 0.10.2, x86, a busy
machine, medians, calls of both alternating; products with zeros of merged groups do not count):

    forward                            lax   slabs
     8 groups at 16 px, batch 16        16   38
     8 groups at 4 px, batch 16         15   21
    48 groups at 8 px, batch 16         14   21 (two merged)
    96 groups at 16 px, batch 4          7   13 (four merged)
    96 groups at 8 px, batch 4          14   12 (four merged)
    96 groups at 4 px, batch 4          11    7 (four merged)

    all three, wall time, busier            forward     input gradient   weight gradient
     4 groups at 32 px, batch 16        1.0    6.3      1.3    9.6      0.05     0.7
     8 groups at 16 px, batch 16        1.1    2.2      (1 pair only)   0.04     2.3
    96 groups at 32 px, batch 4         1.2    3.0      1.1    3.1      not measured
    96 groups at 8 px, batch 4                                          0.003    1.1

lax's weight gradient is a naive loop. Hence the rule: slabs, but lax where more than two groups
would be merged on images below 16 pixels, weight gradients apart. Ninety-six slabs are faster than
24, 18 at 8 px, but one such convolution alone compiles for 8 seconds. Copies of all taps (im2col)
with one product batched over groups took as long as lax or longer.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.ops import conv_cpu
from jaxgan.nets.ops.conv import Padding, bind, family, matched

Size = tuple[int, int]

SLABS = 24  # convolutions, at most, that one is unrolled to: each is compiled by itself


def grouped_conv2d(x: Array, w: Array, *, groups: int, padding: int) -> Array:
    """Convolves each group of channels with its own kernel, with stride 1.

    Args:
      x: images, (N, H, W, C).
      w: kernels, (kh, kw, C / groups, C_out): output channels of the first group come first.
      groups: how many.
      padding: zeros on each side.

    Returns:
      (N, H', W', C_out), H' = H + 2 padding - kh + 1, likewise W'; equal to
      `lax.conv_general_dilated` with NHWC, HWIO, NHWC and feature_group_count=groups.

    Raises:
      ValueError: groups that do not divide the channels, or a kernel of another number of them.
    """
    kh, kw, c_in, c_out = w.shape
    if x.shape[-1] != groups * c_in or c_out % groups:
        raise ValueError(f"{groups} groups do not fit images {x.shape} and a kernel {w.shape}")
    x, w = matched(x, w)
    x = x.reshape(*x.shape[:3], groups, c_in)
    w = w.reshape(kh, kw, c_in, groups, c_out // groups).swapaxes(2, 3)
    size = tuple(n + 2 * padding - k + 1 for n, k in zip(x.shape[1:3], (kh, kw), strict=True))
    pads = ((padding, padding),) * 2
    y = bind(grouped_p.conv, x, w, stride=1, padding=pads, size=size)
    return y.reshape(*y.shape[:3], c_out)


# All below take x (N, H, W, G, C_in), w (kh, kw, G, C_in, C_out), y (N, H', W', G, C_out).


def _conv(x: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    kh, kw, groups, c_in, c_out = w.shape
    y = jax.lax.conv_general_dilated(
        x.reshape(*x.shape[:3], groups * c_in),
        w.swapaxes(2, 3).reshape(kh, kw, c_in, groups * c_out),
        (stride, stride),
        padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )
    return y.reshape(x.shape[0], *size, groups, c_out)


def _input_grad(y: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    x = jax.ShapeDtypeStruct((y.shape[0], *size, *w.shape[2:4]), y.dtype)
    conv = {"stride": stride, "padding": padding, "size": y.shape[1:3]}
    return jax.linear_transpose(lambda x: _conv(x, w, **conv), x)(y)[0]


def _weight_grad(x: Array, y: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    w = jax.ShapeDtypeStruct((*size, *x.shape[3:], y.shape[4]), x.dtype)
    conv = {"stride": stride, "padding": padding, "size": y.shape[1:3]}
    return jax.linear_transpose(lambda w: _conv(x, w, **conv), w)(y)[0]


def _merged(groups: int) -> int:
    """Returns how many groups make a slab: as few as give SLABS slabs at most."""
    return next(m for m in range(1, groups + 1) if groups % m == 0 and groups // m <= SLABS)


def _slabs(images: Array) -> list[Array]:
    """Splits images (N, H, W, G, C) into slabs (N, H, W, m C)."""
    m = _merged(images.shape[3])
    parts = (images[:, :, :, i : i + m] for i in range(0, images.shape[3], m))
    return [part.reshape(*part.shape[:3], -1) for part in parts]


def _kernels(w: Array) -> list[Array]:
    """Splits kernels (kh, kw, G, C_in, C_out) into those of slabs, (kh, kw, m C_in, m C_out)."""
    kh, kw, groups, c_in, c_out = w.shape
    m = _merged(groups)
    parts = [w[:, :, i : i + m] for i in range(0, groups, m)]
    if m > 1:
        diagonal = jnp.eye(m, dtype=w.dtype)[:, None, :, None]
        parts = [part[:, :, :, :, None] * diagonal for part in parts]
    return [part.reshape(kh, kw, m * c_in, m * c_out) for part in parts]


def _joined(slabs: list[Array], groups: int) -> Array:
    """Joins slabs (N, H, W, m C) to images (N, H, W, G, C)."""
    joined = jnp.concatenate(slabs, axis=3)
    return joined.reshape(*joined.shape[:3], groups, -1)


def _lax_is_faster(images: Array) -> bool:
    return _merged(images.shape[3]) > 2 and min(images.shape[1:3]) < 16


def _conv_cpu(x: Array, w: Array, **params: Any) -> Array:
    if _lax_is_faster(x):
        return _conv(x, w, **params)
    pairs = zip(_slabs(x), _kernels(w), strict=True)
    return _joined([conv_cpu.conv(a, b, **params) for a, b in pairs], w.shape[2])


def _input_grad_cpu(y: Array, w: Array, **params: Any) -> Array:
    if _lax_is_faster(y):
        return _input_grad(y, w, **params)
    pairs = zip(_slabs(y), _kernels(w), strict=True)
    return _joined([conv_cpu.input_grad(a, b, **params) for a, b in pairs], w.shape[2])


def _weight_grad_cpu(x: Array, y: Array, *, size: Size, **params: Any) -> Array:
    m, c_in, c_out = _merged(x.shape[3]), x.shape[4], y.shape[4]
    pairs = zip(_slabs(x), _slabs(y), strict=True)
    found = [conv_cpu.weight_grad(a, b, size=size, **params) for a, b in pairs]
    if m > 1:
        found = [each.reshape(*size, m, c_in, m, c_out) for each in found]
        found = [jnp.einsum("hwmimo->hwmio", each) for each in found]
    return jnp.stack(found, axis=2).reshape(*size, -1, c_in, c_out)


grouped_p = family(
    "jaxgan_grouped_conv",
    (_conv, _input_grad, _weight_grad),
    (_conv_cpu, _input_grad_cpu, _weight_grad_cpu),
)
