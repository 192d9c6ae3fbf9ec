"""Convolutions fused with doubling before or halving after, in four ninths of the arithmetic.

After doubling by nearest neighbor a 3x3 convolution sees each pixel four times, so it equals a
transposed 4x4 convolution of stride 2 on the small images, whose kernel's taps are sums of the
original's. Dually, the 2x2 means of a convolution's result are a strided convolution. The CPU gets
these (`conv_cpu` is fastest there); other platforms get the two operations as written. `conv.py`
explains how a primitive chooses.
"""

import jax.numpy as jnp
from jax import Array

from jaxgan.nets.ops import conv, conv_cpu
from jaxgan.nets.ops.conv import Padding, check, family, input_grad_lax, weight_grad_lax
from jaxgan.nets.ops.resize import upsample

Size = tuple[int, int]


def conv2d_resized(x: Array, w: Array, *, stride: int, padding: int, up: bool, down: bool) -> Array:
    """Computes `conv2d` of images doubled first (`up`), or with its result halved (`down`).

    Args:
      x: images, (N, H, W, C_in).
      w: kernel, (k, k, C_in, C_out).
      stride: step of the window.
      padding: zeros on each side.
      up: whether the images are doubled first.
      down: whether the result is halved.

    Raises:
      ValueError: more than one of `up`, `down` and a stride above 1.
    """
    if up + down + (stride > 1) > 1:
        raise ValueError(f"at most one of stride={stride}, up={up}, down={down}")
    if up:
        return doubled_conv2d(x, w, padding=padding)
    if down:
        return conv2d_halved(x, w, padding=padding)
    return conv.conv2d(x, w, stride=stride, padding=((padding, padding),) * 2)


def doubled_conv2d(x: Array, w: Array, *, padding: int) -> Array:
    """Computes `conv2d` of images doubled by nearest neighbor.

    Args:
      x: images, (N, H, W, C_in).
      w: kernel, (k, k, C_in, C_out).
      padding: zeros on each side of the doubled images.

    Returns:
      (N, H', W', C_out), H' = 2 H + 2 padding - k + 1, likewise W'.
    """
    x, w = check(x, w, 1)
    size = tuple(2 * n + 2 * padding - w.shape[0] + 1 for n in x.shape[1:3])
    return _bind(doubled_p.conv, x, w, padding, size)


def conv2d_halved(x: Array, w: Array, *, padding: int) -> Array:
    """Computes the 2x2 means of `conv2d`.

    Args:
      x: images, (N, H, W, C_in).
      w: kernel, (k, k, C_in, C_out).
      padding: zeros on each side of the images.

    Returns:
      (N, H', W', C_out), H' = (H + 2 padding - k + 1) / 2, likewise W'.

    Raises:
      ValueError: the convolution's result has an odd side.
    """
    x, w = check(x, w, 1)
    k = w.shape[0]
    full = tuple(n + 2 * padding - k + 1 for n in x.shape[1:3])
    if any(n % 2 for n in full):
        raise ValueError(f"cannot halve {full}: {x.shape}, kernel {w.shape}, padding {padding}")
    # The adjoint of doubling sums what halving averages; that of convolving flips the kernel.
    flipped = w[::-1, ::-1].swapaxes(2, 3) / 4
    return _bind(doubled_p.input_grad, x, flipped, k - 1 - padding, tuple(n // 2 for n in full))


def _bind(prim: conv.Primitive, a: Array, w: Array, padding: int, size: Size) -> Array:
    if w.shape[0] != w.shape[1]:
        raise ValueError(f"want a square kernel: {w.shape}")
    pads = ((padding, padding),) * 2
    return conv.bind(prim, a, w, stride=1, padding=pads, size=size)


# Plain versions: x (N, H, W, C_in), w (k, k, C_in, C_out), y at the doubled size.


def _conv(x: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    return conv.conv_lax(upsample(x), w, stride=stride, padding=padding, size=size)


def _input_grad(y: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    h, width = size
    x = input_grad_lax(y, w, stride=stride, padding=padding, size=(2 * h, 2 * width))
    return x.reshape(x.shape[0], h, 2, width, 2, x.shape[3]).sum(axis=(2, 4))


def _weight_grad(x: Array, y: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    return weight_grad_lax(upsample(x), y, stride=stride, padding=padding, size=size)


# CPU versions: a convolution of stride 2 with the spread kernel, x and y swapped.


def _spread(w: Array) -> Array:
    """Maps (k, k, C_in, C_out) to (k + 1, k + 1, C_out, C_in): each tap a sum of four, flipped."""
    w = jnp.pad(w, ((1, 1), (1, 1), (0, 0), (0, 0)))
    w = w[1:] + w[:-1]
    return (w[:, 1:] + w[:, :-1])[::-1, ::-1].swapaxes(2, 3)


def _gather(w: Array) -> Array:
    """Applies the adjoint of `_spread`."""
    w = w.swapaxes(2, 3)[::-1, ::-1]
    w = w[1:] + w[:-1]
    return w[:, 1:] + w[:, :-1]


def _crop(padding: Padding, k: int) -> Padding:
    return tuple((k - 1 - lo, k - 1 - hi) for lo, hi in padding)


def _conv_cpu(x: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    crop = _crop(padding, len(w))
    return conv_cpu.input_grad(x, _spread(w), stride=2 * stride, padding=crop, size=size)


def _input_grad_cpu(y: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    crop = _crop(padding, len(w))
    return conv_cpu.conv(y, _spread(w), stride=2 * stride, padding=crop, size=size)


def _weight_grad_cpu(x: Array, y: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    crop, taps = _crop(padding, size[0]), (size[0] + 1, size[1] + 1)
    return _gather(conv_cpu.weight_grad(y, x, stride=2 * stride, padding=crop, size=taps))


doubled_p = family(
    "jaxgan_doubled_conv",
    (_conv, _input_grad, _weight_grad),
    (_conv_cpu, _input_grad_cpu, _weight_grad_cpu),
)
