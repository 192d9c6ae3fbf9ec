"""DCGAN's networks (Radford et al. 2016, section 3 and figure 1), for 16 to 256 pixels.

`width` counts the channels at the largest feature maps; they double at each halving of the
image, up to `max_width`. The paper's 64-pixel nets are width=128, PyTorch's example width=64.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import UserError
from jaxgan.nets.layers import Conv, ConvTranspose, Dense, leaky_relu
from jaxgan.nets.norms import BatchNorm

Array = jax.Array


class Generator(nn.Module):
    """Latent (N, latent) -> images (N, *shape) in [-1, 1].

    Projects to 4x4, then doubles with fractionally-strided 4x4 convolutions; BatchNorm and ReLU
    everywhere but at the output, which is a tanh.
    """

    shape: tuple[int, int, int]
    width: int = 64
    max_width: int = 1024

    @nn.compact
    def __call__(self, z: Array, *, train: bool) -> Array:
        """Draws one image per latent."""
        first, *rest = reversed(_widths(self.shape, self.width, self.max_width))
        h = Dense(16 * first, use_bias=False)(z).reshape(-1, 4, 4, first)
        h = nn.relu(BatchNorm()(h, train))
        for width in rest:
            h = nn.relu(BatchNorm()(ConvTranspose(width, use_bias=False)(h), train))
        return jnp.tanh(ConvTranspose(self.shape[-1])(h))


class Discriminator(nn.Module):
    """Images (N, *shape) -> logits (N,).

    Halves with strided 4x4 convolutions down to 4x4; LeakyReLU; BatchNorm but at the input.
    """

    shape: tuple[int, int, int]
    width: int = 64
    max_width: int = 1024
    batch_norm: bool = True

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Scores each image."""
        first, *rest = _widths(self.shape, self.width, self.max_width)
        h = leaky_relu(Conv(first, 4, stride=2, padding=1)(x))
        for width in rest:
            h = Conv(width, 4, stride=2, padding=1, use_bias=not self.batch_norm)(h)
            h = leaky_relu(BatchNorm()(h, train) if self.batch_norm else h)
        return Conv(1, 4)(h)[:, 0, 0, 0]


def _widths(shape: tuple[int, ...], width: int, max_width: int) -> list[int]:
    """Channels of the feature maps from half the image's size down to 4x4."""
    height = shape[0]
    if shape[:-1] != (height, height) or height not in (16, 32, 64, 128, 256):
        raise UserError(
            f"dcgan draws square images of 16, 32, 64, 128 or 256 pixels, the data are "
            f"{'x'.join(map(str, shape))}; set --config.data.res to one of those"
        )
    return [min(width << i, max_width) for i in range(height.bit_length() - 3)]
