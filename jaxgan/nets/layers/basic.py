"""The basic layers of all nets: dense, embedding, convolutions.

A layer computes in the type of what it is given. A net's `dtype` sets that: with bfloat16, features
and products are of that type, while parameters, normalization, images and scores stay float32.

Weights start as DCGAN's, N(0, 0.02^2) (Radford et al. 2016, section 4), unless a net sets another
initializer. `spectral=True` divides a layer's weight by its largest singular value.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.layers.spectral import spectral_norm
from jaxgan.nets.ops.conv import conv2d_transpose
from jaxgan.nets.ops.conv_resized import conv2d_resized
from jaxgan.runtime.errors import UserError

Init = Callable[..., Array]

normal_init: Init = nn.initializers.normal(0.02)
# PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
torch_init: Init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


def compute_type(name: str) -> jnp.dtype:
    """Returns the type that a net's `dtype` names.

    Raises:
      UserError: neither 'float32' nor 'bfloat16', the two known to work.
    """
    if name not in ("float32", "bfloat16"):
        raise UserError(f"dtype={name!r} of a net: 'float32' or 'bfloat16'")
    return jnp.dtype(name)


def leaky_relu(x: Array) -> Array:
    """Computes max(x, 0.2 x), with the slope that most GAN papers use."""
    return nn.leaky_relu(x, 0.2)


class Dense(nn.Module):
    """Dense layer, (..., C) -> (..., features)."""

    features: int
    use_bias: bool = True
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies x @ kernel + bias."""
        kernel = _kernel(self, (x.shape[-1], self.features), x.dtype)
        return _add_bias(self, x @ kernel)


class Embed(nn.Module):
    """Embedding of integer labels (N,) -> (N, features)."""

    classes: int
    features: int
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Looks up each label's row."""
        return _kernel(self, (self.classes, self.features), jnp.float32)[y]


class Conv(nn.Module):
    """Convolution (N, H, W, C) -> (N, H', W', features), zero-padded by `padding` on every side.

    `up` doubles the images first, `down` halves the result, as upsample and downsample in
    nets/ops/resize.py.
    """

    features: int
    kernel: int
    stride: int = 1
    padding: int = 0
    up: bool = False
    down: bool = False
    use_bias: bool = True
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; H' = (H + 2 padding - kernel) // stride + 1 without `up` or `down`."""
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features), x.dtype)
        options = {"stride": self.stride, "padding": self.padding, "up": self.up, "down": self.down}
        return _add_bias(self, conv2d_resized(x, kernel, **options))


class ConvTranspose(nn.Module):
    """Transposed (fractionally-strided) convolution, (N, H, W, C) -> (N, H', W', features)."""

    features: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    output_padding: int = 0
    use_bias: bool = True
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; the defaults double H.

        H' = (H - 1) stride - 2 padding + kernel + output_padding; the latter rows and columns are
        the last ones, as in PyTorch.
        """
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features), x.dtype)
        pads = ((self.padding, self.padding - self.output_padding),) * 2
        return _add_bias(self, conv2d_transpose(x, kernel, stride=self.stride, padding=pads))


def flatten(x: Array) -> Array:
    """Reshapes (N, ...) to (N, -1)."""
    return jnp.reshape(x, (x.shape[0], -1))


def _kernel(layer: nn.Module, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    kernel = layer.param("kernel", layer.kernel_init, shape)
    if layer.spectral:
        kernel = spectral_norm(layer, kernel)
    return kernel.astype(dtype)


def _add_bias(layer: nn.Module, y: Array) -> Array:
    if not layer.use_bias:
        return y
    return y + layer.param("bias", nn.initializers.zeros, (layer.features,)).astype(y.dtype)
