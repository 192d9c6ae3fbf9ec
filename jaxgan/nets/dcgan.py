"""DCGAN's networks (Radford et al. 2016, section 3 and figure 1), for 28 pixels, or 16 to 256.

`width` is the number of channels of the largest feature maps; it doubles at each halving of the
image, up to `max_width`. The paper's 64-pixel nets have width=128, PyTorch's example width=64.
`dtype` bfloat16 computes in that type, see nets/layers/basic.py.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import (
    Conv,
    ConvTranspose,
    Dense,
    compute_type,
    flatten,
    leaky_relu,
)
from jaxgan.nets.layers.condition import append_channel, append_features, projection
from jaxgan.nets.layers.pyramid import pyramid


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    Projects to 4x4 (7x7 for 28 pixels), then doubles with fractionally-strided 4x4 convolutions;
    normalization and ReLU everywhere but at the output, which is a tanh. A condition's embedding
    is appended to the latent.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    max_width: Width = 1024
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    embedding: Width = 50
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        first, *rest = widths = pyramid(self.shape, self.width, self.max_width, "dcgan")[::-1]
        side = self.shape[0] >> len(widths)
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        z = append_features(z, y, self.classes, self.embedding)
        h = Dense(side * side * first, use_bias=bias, spectral=self.spectral)(
            z.astype(compute_type(self.dtype))
        )
        h = nn.relu(norm()(h.reshape(-1, side, side, first), train, y))
        for width in rest:
            h = ConvTranspose(width, use_bias=bias, spectral=self.spectral)(h)
            h = nn.relu(norm()(h, train, y))
        h = ConvTranspose(self.shape[-1], spectral=self.spectral)(h)
        return jnp.tanh(h.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,), with `heads` also heads (N, heads).

    Halves with strided 4x4 convolutions down to 4x4 (7x7 for 28 pixels); LeakyReLU; normalization
    except at the input. A condition becomes one more channel of the image; with `projection` the
    inner product of its embedding and the last features is added to the logits instead (Miyato &
    Koyama 2018).
    """

    shape: tuple[int, int, int]
    width: Width = 64
    max_width: Width = 1024
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    projection: bool = False
    heads: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        first, *rest = pyramid(self.shape, self.width, self.max_width, "dcgan")
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        if not self.projection:
            x = append_channel(x, y, self.classes)
        h = x.astype(compute_type(self.dtype))
        h = leaky_relu(Conv(first, 4, stride=2, padding=1, spectral=self.spectral)(h))
        for width in rest:
            h = Conv(width, 4, stride=2, padding=1, use_bias=bias, spectral=self.spectral)(h)
            h = leaky_relu(norm()(h, train, y))
        h = h.astype(jnp.float32)
        logits = Conv(1, h.shape[1], spectral=self.spectral)(h)[:, 0, 0, 0]
        if self.projection:
            logits += projection(h.sum(axis=(1, 2)), y, self.classes, spectral=self.spectral)
        if not self.heads:
            return logits
        return logits, Dense(self.heads, spectral=self.spectral)(flatten(h))
