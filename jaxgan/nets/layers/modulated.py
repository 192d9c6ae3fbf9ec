"""Layers that a style steers, as StyleGAN2 has them (Karras et al. 2020, section 2.2)."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.layers.basic import leaky_relu
from jaxgan.nets.layers.equalized import EqualDense
from jaxgan.nets.ops import upfirdn as fir
from jaxgan.nets.ops.conv import conv2d, conv2d_transpose

Array = jax.Array

normal: nn.initializers.Initializer = nn.initializers.normal(1.0)


def activate(h: Array, gain: float = 1.0, clamp: float = 0.0) -> Array:
    """LeakyReLU times sqrt(2), which keeps the variance; `gain` scales it and the clamp."""
    h = leaky_relu(h) * (math.sqrt(2.0) * gain)
    return jnp.clip(h, -clamp * gain, clamp * gain) if clamp else h


def modulated_conv2d(
    x: Array,
    kernel: Array,
    style: Array,
    *,
    demodulate: bool = True,
    up: bool = False,
    taps: tuple[float, ...] = fir.FILTER,
) -> Array:
    """Convolves each sample with its own kernel, scaled by its style (section 2.2).

    Scaling a kernel's inputs is scaling the features, and scaling its outputs likewise: one
    kernel serves the batch, where the authors' has one convolution group for each sample.

    Args:
      x: (N, H, W, C_in).
      kernel: (k, k, C_in, C_out), k odd.
      style: (N, C_in).
      demodulate: whether each output channel is divided by its kernel's norm, so that inputs of
        unit variance give outputs of unit variance.
      up: whether the image doubles, by a transposed convolution and then the filter `taps`.

    Returns:
      (N, H, W, C_out), or (N, 2H, 2W, C_out) where `up`.
    """
    h = x * style[:, None, None].astype(x.dtype)
    k, n = len(kernel), len(taps)
    if up:
        h = conv2d_transpose(h, kernel.astype(x.dtype), stride=2)
        pads = (k // 2 + (n + 1) // 2 - (k - 1), k // 2 + (n - 2) // 2 - (k - 2))
        h = fir.upfirdn2d(h, taps, padding=(pads, pads), gain=4.0)
    else:
        h = conv2d(h, kernel.astype(x.dtype), padding=((k // 2, k // 2),) * 2)
    if demodulate:
        energy = jnp.sum(kernel**2, axis=(0, 1))
        scale = jax.lax.rsqrt(style**2 @ energy + 1e-8)
        h = h * scale[:, None, None].astype(h.dtype)
    return h


class StyleLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, activation; (N, H, W, C) -> (N, H', W', features)."""

    features: int
    up: bool
    clamp: float
    taps: tuple[float, ...]

    @nn.compact
    def __call__(self, x: Array, w: Array, noise: str, gain: float = 1.0) -> Array:
        """`noise` is 'random', 'constant' or 'none'; the output is `gain` times as large."""
        style = EqualDense(x.shape[-1], bias_init=1.0, name="affine")(w)
        kernel = self.param("kernel", normal, (3, 3, x.shape[-1], self.features))
        h = modulated_conv2d(x, kernel, style, up=self.up, taps=self.taps)
        h = self._add_noise(h, noise)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return activate(h + bias.astype(h.dtype), gain, self.clamp)

    def _add_noise(self, h: Array, noise: str) -> Array:
        """Adds one image of noise to all channels, times a strength that is learned, 0 at first."""

        def start() -> Array:
            return jax.random.normal(self.make_rng("params"), h.shape[1:3])

        field = self.variable("noise", "const", start).value[..., None]
        strength = self.param("noise_strength", nn.initializers.zeros, ())
        if noise == "none":
            return h
        if noise == "random":
            field = jax.random.normal(self.make_rng("noise"), (*h.shape[:3], 1))
        return h + (field * strength).astype(h.dtype)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to an image, without demodulation: (N, H, W, C) -> (..., colours).

    Its weights' gain, which nothing else would cancel, is part of the style.
    """

    colours: int
    clamp: float

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Draws the image that the features are of."""
        channels = x.shape[-1]
        style = EqualDense(channels, bias_init=1.0, name="affine")(w) / math.sqrt(channels)
        kernel = self.param("kernel", normal, (1, 1, channels, self.colours))
        bias = self.param("bias", nn.initializers.zeros, (self.colours,))
        h = modulated_conv2d(x, kernel, style, demodulate=False) + bias.astype(x.dtype)
        return jnp.clip(h, -self.clamp, self.clamp) if self.clamp else h
