"""ACGAN's networks as the tutorials write them (Odena et al. 2017; GAN Step By Step, step 5).

Convolutions start as N(0, 0.02^2) and BatchNorm's scale as N(1, 0.02^2); dense layers and the
label embedding keep PyTorch's defaults.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.core.shapes import check_square
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, Dense, flatten, leaky_relu
from jaxgan.nets.layers.condition import Condition

Array = jax.Array

# PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
_SIZES = (16, 32, 64, 128, 256)


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    The condition's embedding is multiplied with the latent, projected to a quarter of the image's
    size, normalised, and twice doubled by nearest neighbour and a 3x3 convolution.
    """

    shape: tuple[int, int, int]
    width: int = 128
    norm: str = "BatchNorm"
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Draws one image per latent."""
        check_square(self.shape, _SIZES, "acgan")
        norm, size = norms.named(self.norm, self.classes), self.shape[0] // 4
        if y is not None:
            unit = nn.initializers.normal(1.0)
            z = z * Condition(self.classes, z.shape[-1], kernel_init=unit)(y)
        h = Dense(size * size * self.width, kernel_init=_init)(z)
        h = norm()(h.reshape(-1, size, size, self.width), train, y)
        for width in (self.width, self.width // 2):
            h = Conv(width, 3, padding=1, up=True)(h)
            h = leaky_relu(norm()(h, train, y))
        return jnp.tanh(Conv(self.shape[-1], 3, padding=1)(h))


class Discriminator(nn.Module):
    """Images (N, *shape) -> logits (N,), with `heads` also heads (N, heads).

    Four strided 3x3 convolutions of width, 2, 4 and 8 width channels, each with LeakyReLU, dropout
    of whole channels (in training it needs the stream `dropout`) and, but for the first,
    normalisation; then one dense layer for each output.
    """

    shape: tuple[int, int, int]
    width: int = 16
    norm: str = "BatchNorm"
    spectral: bool = False
    dropout: float = 0.25
    heads: int = 0

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        del y
        check_square(self.shape, _SIZES, "acgan")
        norm, h = norms.named(self.norm, 0), x
        for i in range(4):
            h = Conv(self.width << i, 3, stride=2, padding=1, spectral=self.spectral)(h)
            h = leaky_relu(h)
            h = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(h)
            h = norm()(h, train) if i else h
        h = flatten(h)
        logits = Dense(1, kernel_init=_init, spectral=self.spectral)(h)[:, 0]
        if not self.heads:
            return logits
        return logits, Dense(self.heads, kernel_init=_init, spectral=self.spectral)(h)
