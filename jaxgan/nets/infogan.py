"""InfoGAN's networks for digits (Chen et al. 2016, appendix C.1, table 1).

`width` is 64 in the paper; every other width is a multiple of it.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, ConvTranspose, Dense, flatten
from jaxgan.runtime.errors import UserError


class Generator(nn.Module):
    """Latent (N, latent), code or None -> images (N, *shape) in [-1, 1].

    The code, a vector or a one-hot label, is appended to the latent; two dense layers of 1024 and
    128 H/4 W/4 features, then two fractionally-strided 4x4 convolutions. The paper's pixels are in
    [0, 1] after a sigmoid; here they are in [-1, 1] after a tanh.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    norm: str = "BatchNorm"
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        _check(self.shape)
        height, width, channels = self.shape
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        if y is not None:
            vector = jnp.issubdtype(y.dtype, jnp.floating)
            z = jnp.concatenate([z, y if vector else jax.nn.one_hot(y, self.classes)], axis=1)
        h = nn.relu(norm()(Dense(16 * self.width, use_bias=bias)(z), train, y))
        h = Dense(height // 4 * (width // 4) * 2 * self.width, use_bias=bias)(h)
        h = nn.relu(norm()(h, train, y)).reshape(-1, height // 4, width // 4, 2 * self.width)
        h = nn.relu(norm()(ConvTranspose(self.width, use_bias=bias)(h), train, y))
        return jnp.tanh(ConvTranspose(channels)(h))


class Discriminator(nn.Module):
    """Images (N, *shape) -> logits (N,), with `heads` also heads (N, heads): the paper's D and Q.

    Both share a trunk, 4x4 convolutions of stride 2 with 64 and 128 channels and a dense layer of
    1024; only Q has another dense layer of 128. LeakyReLU of slope 0.1; no normalization at the
    input.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    norm: str = "BatchNorm"
    spectral: bool = False
    heads: int = 0

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        del y
        _check(self.shape)
        norm, bias = norms.named(self.norm, 0), self.norm == "Identity"
        options = {"use_bias": bias, "spectral": self.spectral}
        h = _leaky_relu(Conv(self.width, 4, stride=2, padding=1, spectral=self.spectral)(x))
        h = Conv(2 * self.width, 4, stride=2, padding=1, **options)(h)
        h = flatten(_leaky_relu(norm()(h, train)))
        h = _leaky_relu(norm()(Dense(16 * self.width, **options)(h), train))
        logits = Dense(1, spectral=self.spectral)(h)[:, 0]
        if not self.heads:
            return logits
        h = _leaky_relu(norm()(Dense(2 * self.width, **options)(h), train))
        return logits, Dense(self.heads, spectral=self.spectral)(h)


def _leaky_relu(x: Array) -> Array:
    return nn.leaky_relu(x, 0.1)


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or shape[0] % 4 or shape[1] % 4:
        raise UserError(
            f"infogan takes images whose sides are multiples of 4, the data are "
            f"{'x'.join(map(str, shape))}; set --config.data.res=28 or 32"
        )
