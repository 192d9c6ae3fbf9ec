"""Layers with an equalized learning rate (Karras et al. 2018, section 4.1).

Weights start as N(0, 1) and are scaled by gain / sqrt(fan_in) at every use, so that Adam's steps,
whose size does not depend on the weights' scale, are equally large relative to every layer's
weights. `lr_mult` multiplies a layer's learning rate: its parameters, biases too, are stored
divided by it (Karras et al. 2019, appendix C).
"""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.ops.conv_resized import conv2d_resized


class EqualDense(nn.Module):
    """Dense layer, (..., C) -> (..., features); the bias starts at `bias_init` and has no gain."""

    features: int
    use_bias: bool = True
    gain: float = 1.0
    lr_mult: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies x @ kernel + bias."""
        return _add_bias(self, x @ _kernel(self, (x.shape[-1], self.features), x.dtype))


class EqualConv(nn.Module):
    """Convolution (N, H, W, C) -> (N, H', W', features), zero-padded by `padding` on every side.

    `up` doubles the images first, `down` halves the result, as in basic.Conv.
    """

    features: int
    kernel: int
    stride: int = 1
    padding: int = 0
    up: bool = False
    down: bool = False
    use_bias: bool = True
    gain: float = 1.0
    lr_mult: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; H' = (H + 2 padding - kernel) // stride + 1 without `up` or `down`."""
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features), x.dtype)
        options = {"stride": self.stride, "padding": self.padding, "up": self.up, "down": self.down}
        return _add_bias(self, conv2d_resized(x, kernel, **options))


def _kernel(layer: nn.Module, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    kernel = layer.param("kernel", nn.initializers.normal(1 / layer.lr_mult), shape)
    return (kernel * (layer.gain * layer.lr_mult / math.sqrt(math.prod(shape[:-1])))).astype(dtype)


def _add_bias(layer: nn.Module, y: Array) -> Array:
    if not layer.use_bias:
        return y
    start = nn.initializers.constant(layer.bias_init / layer.lr_mult)
    bias = layer.param("bias", start, (layer.features,))
    return y + (bias * layer.lr_mult).astype(y.dtype)
