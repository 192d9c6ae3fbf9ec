"""DCGAN's networks (Radford et al. 2016, section 3 and figure 1), for 28 pixels, or 16 to 256.

`width` counts the channels at the largest feature maps; they double at each halving of the
image, up to `max_width`. The paper's 64-pixel nets are width=128, PyTorch's example width=64.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, ConvTranspose, Dense, flatten, leaky_relu
from jaxgan.nets.layers.condition import Condition
from jaxgan.nets.pyramid import pyramid

Array = jax.Array


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    Projects to 4x4 (7x7 of 28), then doubles with fractionally-strided 4x4 convolutions;
    normalisation and ReLU everywhere but at the output, which is a tanh. A condition's embedding
    joins the latent.
    """

    shape: tuple[int, int, int]
    width: int = 64
    max_width: int = 1024
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    embedding: int = 50

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Draws one image per latent."""
        first, *rest = widths = pyramid(self.shape, self.width, self.max_width, "dcgan")[::-1]
        side = self.shape[0] >> len(widths)
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        if y is not None:
            z = jnp.concatenate([z, Condition(self.classes, self.embedding)(y)], axis=1)
        h = Dense(side * side * first, use_bias=bias, spectral=self.spectral)(z)
        h = nn.relu(norm()(h.reshape(-1, side, side, first), train, y))
        for width in rest:
            h = ConvTranspose(width, use_bias=bias, spectral=self.spectral)(h)
            h = nn.relu(norm()(h, train, y))
        return jnp.tanh(ConvTranspose(self.shape[-1], spectral=self.spectral)(h))


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,), with `heads` also heads (N, heads).

    Halves with strided 4x4 convolutions down to 4x4 (7x7 of 28); LeakyReLU; normalisation but at
    the input. A condition becomes one more channel of the image; with `projection` its embedding is
    instead multiplied with the last features (Miyato & Koyama 2018).
    """

    shape: tuple[int, int, int]
    width: int = 64
    max_width: int = 1024
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    projection: bool = False
    heads: int = 0

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        first, *rest = pyramid(self.shape, self.width, self.max_width, "dcgan")
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        if y is not None and not self.projection:
            plane = Condition(self.classes, self.shape[0] * self.shape[1])(y)
            x = jnp.concatenate([x, plane.reshape(-1, *self.shape[:2], 1)], axis=-1)
        h = leaky_relu(Conv(first, 4, stride=2, padding=1, spectral=self.spectral)(x))
        for width in rest:
            h = Conv(width, 4, stride=2, padding=1, use_bias=bias, spectral=self.spectral)(h)
            h = leaky_relu(norm()(h, train, y))
        logits = Conv(1, h.shape[1], spectral=self.spectral)(h)[:, 0, 0, 0]
        if self.projection:
            embedded = Condition(self.classes, h.shape[-1], spectral=self.spectral)(y)
            logits += jnp.sum(embedded * h.sum(axis=(1, 2)), axis=1)
        if not self.heads:
            return logits
        return logits, Dense(self.heads, spectral=self.spectral)(flatten(h))
