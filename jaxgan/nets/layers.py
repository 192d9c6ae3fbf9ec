"""The layers every net is made of; the one place where convolutions are called.

Weights start as DCGAN's, N(0, 0.02^2) (Radford et al. 2016, section 4), unless a net says other.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.conv import conv2d, conv2d_transpose

Array = jax.Array
Init = Callable[..., Array]

normal_init: Init = nn.initializers.normal(0.02)


def leaky_relu(x: Array) -> Array:
    """max(x, 0.2 x), the slope that all of these papers use."""
    return nn.leaky_relu(x, 0.2)


class Dense(nn.Module):
    """(..., C) -> (..., features)."""

    features: int
    use_bias: bool = True
    kernel_init: Init = normal_init

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies x @ kernel + bias."""
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features))
        y = x @ kernel.astype(x.dtype)
        return _add_bias(self, y, self.features) if self.use_bias else y


class Conv(nn.Module):
    """(N, H, W, C) -> (N, H', W', features), zero-padded by `padding` on every side."""

    features: int
    kernel: int
    stride: int = 1
    padding: int = 0
    use_bias: bool = True
    kernel_init: Init = normal_init

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; H' = (H + 2 padding - kernel) // stride + 1."""
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        pads = ((self.padding, self.padding),) * 2
        y = conv2d(x, kernel.astype(x.dtype), stride=self.stride, padding=pads)
        return _add_bias(self, y, self.features) if self.use_bias else y


class ConvTranspose(nn.Module):
    """(N, H, W, C) -> (N, H', W', features): fractionally-strided convolution."""

    features: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    use_bias: bool = True
    kernel_init: Init = normal_init

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; H' = (H - 1) stride - 2 padding + kernel, so 4, 2, 1 doubles H."""
        shape = (self.kernel, self.kernel, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        pads = ((self.padding, self.padding),) * 2
        y = conv2d_transpose(x, kernel.astype(x.dtype), stride=self.stride, padding=pads)
        return _add_bias(self, y, self.features) if self.use_bias else y


def _add_bias(module: nn.Module, y: Array, features: int) -> Array:
    return y + module.param("bias", nn.initializers.zeros, (features,)).astype(y.dtype)


def flatten(x: Array) -> Array:
    """(N, ...) -> (N, -1)."""
    return jnp.reshape(x, (x.shape[0], -1))
