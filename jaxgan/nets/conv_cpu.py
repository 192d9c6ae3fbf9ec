"""Convolutions rewritten for XLA's CPU back end (v1; measurements to follow)."""

import itertools

import jax.numpy as jnp
from jax import Array, lax

Padding = tuple[tuple[int, int], tuple[int, int]]
Size = tuple[int, int]


def conv(x: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """x (N, H, W, C_in), w (kh, kw, C_in, C_out) -> (N, *size, C_out)."""
    del size  # Follows from the rest.
    return lax.conv_general_dilated(
        x, w, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def input_grad(y: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """y (N, H', W', C_out), w (kh, kw, C_in, C_out) -> (N, *size, C_in).

    A transposed convolution of stride s is one of stride 1 that makes the s * s phases of
    every output block as channels, which are then moved into place.
    """
    kh, kw = (-(-k // stride) for k in w.shape[:2])
    out_h, out_w = ((m + k - 1) * stride for m, k in zip(y.shape[1:3], (kh, kw), strict=True))
    x = lax.conv_general_dilated(
        y,
        lax.rev(_fold_kernel(w, stride), (0, 1)),
        (1, 1),
        ((kh - 1, kh - 1), (kw - 1, kw - 1)),
        dimension_numbers=("NHWC", "HWOI", "NHWC"),
    )
    x = _depth_to_space(x, stride)
    (top, _), (left, _) = padding
    return _pad(x, (-top, size[0] - out_h + top), (-left, size[1] - out_w + left))


def weight_grad(x: Array, y: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """x (N, H, W, C_in), y (N, H', W', C_out) -> (*size, C_in, C_out).

    One matrix product per tap of the kernel.
    """
    x = _pad(x, *padding)
    rows, cols = ((m - 1) * stride + 1 for m in y.shape[1:3])
    flat = y.reshape(-1, y.shape[3])
    taps = []
    for i, j in itertools.product(*map(range, size)):
        tap = x[:, i : i + rows : stride, j : j + cols : stride].reshape(-1, x.shape[3])
        taps.append(lax.dot_general(tap, flat, (((0,), (0,)), ((), ()))))
    return jnp.stack(taps).reshape(*size, x.shape[3], y.shape[3])


def _pad(x: Array, height: tuple[int, int], width: tuple[int, int]) -> Array:
    """Pads images (N, H, W, C) with zeros; negative amounts crop."""
    zero = jnp.zeros((), x.dtype)
    return lax.pad(x, zero, ((0, 0, 0), (*height, 0), (*width, 0), (0, 0, 0)))


def _fold_kernel(w: Array, s: int) -> Array:
    """(kh, kw, C_in, C_out) -> (ceil(kh / s), ceil(kw / s), s * s * C_in, C_out)."""
    if s == 1:
        return w
    kh, kw, c_in, c_out = w.shape
    w = jnp.pad(w, ((0, -kh % s), (0, -kw % s), (0, 0), (0, 0)))
    w = w.reshape(-(-kh // s), s, -(-kw // s), s, c_in, c_out).transpose(0, 2, 1, 3, 4, 5)
    return w.reshape(*w.shape[:2], s * s * c_in, c_out)


def _depth_to_space(x: Array, s: int) -> Array:
    """(N, H, W, s * s * C) -> (N, H * s, W * s, C)."""
    if s == 1:
        return x
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, s, s, c // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * s, w * s, c // (s * s))
