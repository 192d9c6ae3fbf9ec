"""The layers every net is made of; the one place where convolutions are called.

Weights start as DCGAN's, N(0, 0.02^2) (Radford et al. 2016, section 4), unless a net says other.
`spectral=True` divides a layer's weight by its largest singular value.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.ops.conv import conv2d_transpose
from jaxgan.nets.ops.conv_resized import conv2d_resized
from jaxgan.runtime.errors import UserError

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
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies x @ kernel + bias."""
        kernel = _kernel(self, (x.shape[-1], self.features), x.dtype)
        return _add_bias(self, x @ kernel)


class Embed(nn.Module):
    """Integer labels (N,) -> (N, features)."""

    classes: int
    features: int
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Looks each label's row up."""
        return _kernel(self, (self.classes, self.features), jnp.float32)[y]


class Conv(nn.Module):
    """(N, H, W, C) -> (N, H', W', features), zero-padded by `padding` on every side.

    `up` doubles the images first, `down` halves the result, as the functions of nets/resize.py do.
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
        """Convolves; H' = (H + 2 padding - kernel) // stride + 1, where not resized."""
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features), x.dtype)
        where = {"stride": self.stride, "padding": self.padding, "up": self.up, "down": self.down}
        return _add_bias(self, conv2d_resized(x, kernel, **where))


class ConvTranspose(nn.Module):
    """(N, H, W, C) -> (N, H', W', features): fractionally-strided convolution."""

    features: int
    kernel: int = 4
    stride: int = 2
    padding: int = 1
    use_bias: bool = True
    kernel_init: Init = normal_init
    spectral: bool = False

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves; H' = (H - 1) stride - 2 padding + kernel, so 4, 2, 1 doubles H."""
        kernel = _kernel(self, (self.kernel, self.kernel, x.shape[-1], self.features), x.dtype)
        pads = ((self.padding, self.padding),) * 2
        return _add_bias(self, conv2d_transpose(x, kernel, stride=self.stride, padding=pads))


def flatten(x: Array) -> Array:
    """(N, ...) -> (N, -1)."""
    return jnp.reshape(x, (x.shape[0], -1))


def check_square(shape: tuple[int, ...], sizes: tuple[int, ...], net: str) -> None:
    """Refuses data (H, W, C) whose sides are not equal and among `sizes`.

    Raises:
      UserError: says what `net` draws, and what the data are.
    """
    if shape[:-1] != (shape[0],) * 2 or shape[0] not in sizes:
        listed = f"{', '.join(map(str, sizes[:-1]))} or {sizes[-1]}"
        raise UserError(
            f"{net} takes square images of {listed} pixels, the data are "
            f"{'x'.join(map(str, shape))}; set --config.data.res to one of those"
        )


def pyramid(shape: tuple[int, ...], width: int, max_width: int, net: str) -> list[int]:
    """Channels of DCGAN's feature maps, from half the image's size down to 4x4, or to 7x7 of 28.

    Raises:
      UserError: the data are not square images of 28 pixels, or of 16 to 256, a power of two.
    """
    check_square(shape, (16, 28, 32, 64, 128, 256), net)
    side, widths = shape[0], []
    while side > 7:
        side, widths = side // 2, [*widths, min(width << len(widths), max_width)]
    return widths


def _kernel(layer: nn.Module, shape: tuple[int, ...], dtype: jnp.dtype) -> Array:
    kernel = layer.param("kernel", layer.kernel_init, shape)
    if layer.spectral:
        kernel = spectral_norm(layer, kernel)
    return kernel.astype(dtype)


def _add_bias(layer: nn.Module, y: Array) -> Array:
    if not layer.use_bias:
        return y
    return y + layer.param("bias", nn.initializers.zeros, (layer.features,)).astype(y.dtype)


def spectral_norm(layer: nn.Module, kernel: Array) -> Array:
    """kernel / sigma, sigma = u^T W v of the kernel as W (C_out, -1) (Miyato et al. 2018, app. A).

    u (1, C_out) is kept among the layer's statistics under `spectral`. Where those may be written
    (in training, once a step) one power iteration moves it first; elsewhere the kept u is used as
    it is. u and v are constants to the gradient.
    """
    w = kernel.reshape(-1, kernel.shape[-1]).T

    def start() -> Array:
        return jax.random.normal(layer.make_rng("params"), (1, w.shape[0]))

    u = layer.variable("spectral", "u", start)
    fixed = jax.lax.stop_gradient(w)
    v = _unit(u.value @ fixed)
    new = _unit(v @ fixed.T)
    if layer.is_mutable_collection("spectral") and not layer.is_initializing():
        u.value = new
        used = new
    else:
        used = _unit(u.value)
    return kernel / jnp.squeeze(used @ w @ v.T)


def _unit(x: Array) -> Array:
    return x / (jnp.linalg.norm(x) + 1e-12)
