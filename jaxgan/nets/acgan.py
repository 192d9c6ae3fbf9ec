"""ACGAN's networks as in tutorials (Odena et al. 2017; GAN Step By Step, step 5).

Convolutions start as N(0, 0.02^2) and BatchNorm's scale as N(1, 0.02^2); dense layers and the
label embedding keep PyTorch's defaults. `dtype` bfloat16 computes in that type, see
nets/layers/basic.py.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Portion, Width
from jaxgan.core.shapes import check_square
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import (
    Conv,
    Dense,
    compute_type,
    flatten,
    leaky_relu,
    torch_init,
)
from jaxgan.nets.layers.condition import Condition

_SIZES = (16, 32, 64, 128, 256)


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    The latent, multiplied by the condition's embedding, is projected to a quarter of the image's
    size, normalized, and twice doubled by nearest neighbor and a 3x3 convolution.
    """

    shape: tuple[int, int, int]
    width: Width = 128
    norm: str = "BatchNorm"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        check_square(self.shape, _SIZES, "acgan")
        norm, size = norms.named(self.norm, self.classes), self.shape[0] // 4
        if y is not None:
            unit = nn.initializers.normal(1.0)
            z = z * Condition(self.classes, z.shape[-1], kernel_init=unit)(y)
        z = z.astype(compute_type(self.dtype))
        h = Dense(size * size * self.width, kernel_init=torch_init)(z)
        h = norm()(h.reshape(-1, size, size, self.width), train, y)
        for width in (self.width, max(1, self.width // 2)):
            h = Conv(width, 3, padding=1, up=True)(h)
            h = leaky_relu(norm()(h, train, y))
        return jnp.tanh(Conv(self.shape[-1], 3, padding=1)(h).astype(jnp.float32))


class Discriminator(nn.Module):
    """Images (N, *shape) -> logits (N,), with `heads` also heads (N, heads).

    Four strided 3x3 convolutions of 1, 2, 4 and 8 times `width` channels, each followed by
    LeakyReLU, dropout of entire channels (which in training needs the random stream `dropout`) and,
    except for the first, normalization; then one dense layer per output.
    """

    shape: tuple[int, int, int]
    width: Width = 16
    norm: str = "BatchNorm"
    spectral: bool = False
    dropout: Portion = 0.25
    heads: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        del y
        check_square(self.shape, _SIZES, "acgan")
        norm, h = norms.named(self.norm, 0), x.astype(compute_type(self.dtype))
        for i in range(4):
            h = Conv(self.width << i, 3, stride=2, padding=1, spectral=self.spectral)(h)
            h = leaky_relu(h)
            h = nn.Dropout(self.dropout, broadcast_dims=(1, 2), deterministic=not train)(h)
            h = norm()(h, train) if i else h
        h = flatten(h).astype(jnp.float32)
        logits = Dense(1, kernel_init=torch_init, spectral=self.spectral)(h)[:, 0]
        if not self.heads:
            return logits
        return logits, Dense(self.heads, kernel_init=torch_init, spectral=self.spectral)(h)
