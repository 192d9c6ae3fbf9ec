"""Style-modulated layers of StyleGAN2 (Karras et al. 2020, section 2.2)."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.layers.basic import leaky_relu
from jaxgan.nets.layers.equalized import EqualDense
from jaxgan.nets.ops import upfirdn
from jaxgan.nets.ops.conv import conv2d, conv2d_transpose

normal: nn.initializers.Initializer = nn.initializers.normal(1.0)


def activate(h: Array, gain: float = 1.0, clamp: float = 0.0) -> Array:
    """Applies LeakyReLU times sqrt(2), which keeps the variance; `gain` scales it and the clamp."""
    h = leaky_relu(h) * (math.sqrt(2.0) * gain)
    return jnp.clip(h, -clamp * gain, clamp * gain) if clamp else h


def modulated_conv2d(
    x: Array,
    kernel: Array,
    style: Array,
    *,
    demodulate: bool = True,
    up: bool = False,
    taps: tuple[float, ...] = upfirdn.FILTER,
) -> Array:
    """Convolves each sample with the kernel scaled by its style (section 2.2).

    Scaling the kernel's input channels equals scaling the features, likewise its output channels:
    so one kernel serves the batch, where the authors' code has a convolution group per sample.

    Args:
      x: (N, H, W, C_in).
      kernel: (k, k, C_in, C_out), k odd.
      style: (N, C_in).
      demodulate: whether each output channel is divided by the norm of its scaled kernel, so that
        inputs of unit variance give outputs of unit variance.
      up: whether images are doubled, by a transposed convolution and then the filter `taps`.
      taps: of the FIR filter.

    Returns:
      (N, H, W, C_out), or (N, 2H, 2W, C_out) where `up`.
    """
    h = x * style[:, None, None].astype(x.dtype)
    k, n = len(kernel), len(taps)
    if up:
        h = conv2d_transpose(h, kernel.astype(x.dtype), stride=2)
        pads = (k // 2 + (n + 1) // 2 - (k - 1), k // 2 + (n - 2) // 2 - (k - 2))
        h = upfirdn.upfirdn2d(h, taps, padding=(pads, pads), gain=4.0)
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
        """Applies the layer; noise: 'random', 'constant' or 'none'. `gain` scales the output."""
        style = EqualDense(x.shape[-1], bias_init=1.0, name="affine")(w)
        kernel = self.param("kernel", normal, (3, 3, x.shape[-1], self.features))
        h = modulated_conv2d(x, kernel, style, up=self.up, taps=self.taps)
        h = self._add_noise(h, noise)
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return activate(h + bias.astype(h.dtype), gain, self.clamp)

    def _add_noise(self, h: Array, noise: str) -> Array:
        """Adds one noise image to all channels, times a learned strength that starts at 0."""

        def start() -> Array:
            return jax.random.normal(self.make_rng("params"), h.shape[1:3])

        image = self.variable("noise", "const", start).value[..., None]
        strength = self.param("noise_strength", nn.initializers.zeros, ())
        if noise == "none":
            return h
        if noise == "random":
            image = jax.random.normal(self.make_rng("noise"), (*h.shape[:3], 1))
        return h + (image * strength).astype(h.dtype)


class ToRGB(nn.Module):
    """Modulated 1x1 convolution to images: (N, H, W, C) -> (N, H, W, image_channels).

    There is no demodulation to cancel the weights' gain, so the style includes it.
    """

    image_channels: int
    clamp: float

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Projects the features to an image."""
        channels = x.shape[-1]
        style = EqualDense(channels, bias_init=1.0, name="affine")(w) / math.sqrt(channels)
        kernel = self.param("kernel", normal, (1, 1, channels, self.image_channels))
        bias = self.param("bias", nn.initializers.zeros, (self.image_channels,))
        h = modulated_conv2d(x, kernel, style, demodulate=False) + bias.astype(x.dtype)
        return jnp.clip(h, -self.clamp, self.clamp) if self.clamp else h
