"""The anime-face recipe's networks, at 64x64x3 (Chollet 2021, Deep Learning with Python, 12.5).

Unlike DCGAN's: no normalization, LeakyReLU in both nets, dropout before the discriminator's last
layer, a generator that starts from 8x8 and widens as the resolution rises, Keras's Glorot-uniform
weights. The book's images are in [0, 1] after a sigmoid; here they are in [-1, 1] after a tanh.
`dtype` bfloat16 computes in that type, see nets/layers/basic.py.

ArticleGenerator and ArticleDiscriminator are the nets of an article on anime faces, which follows
the book's first edition: a generator that starts from 32x32, and Keras's LeakyReLU of slope 0.3.
"""

import functools

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Portion, Width
from jaxgan.nets.layers import basic, norms
from jaxgan.nets.layers.basic import compute_type, flatten, leaky_relu
from jaxgan.runtime.errors import UserError

_init = nn.initializers.glorot_uniform()
Dense = functools.partial(basic.Dense, kernel_init=_init)
Conv = functools.partial(basic.Conv, kernel_init=_init)
ConvTranspose = functools.partial(basic.ConvTranspose, kernel_init=_init)


class Generator(nn.Module):
    """Latent (N, latent) -> images (N, 64, 64, C) in [-1, 1]."""

    shape: tuple[int, int, int]
    width: Width = 128
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        del y, train
        _check(self.shape)
        h = Dense(64 * self.width)(z.astype(compute_type(self.dtype)))
        h = h.reshape(-1, 8, 8, self.width)
        for factor in (1, 2, 4):
            h = leaky_relu(ConvTranspose(factor * self.width)(h))
        return jnp.tanh(Conv(self.shape[-1], 5, padding=2)(h).astype(jnp.float32))


class Discriminator(nn.Module):
    """Images (N, 64, 64, C) -> logits (N,)."""

    shape: tuple[int, int, int]
    width: Width = 64
    dropout: Portion = 0.2
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image; in training it needs the random stream `dropout`."""
        del y
        _check(self.shape)
        h = x.astype(compute_type(self.dtype))
        for factor in (1, 2, 2):
            h = leaky_relu(Conv(factor * self.width, 4, stride=2, padding=1)(h))
        h = nn.Dropout(self.dropout, deterministic=not train)(flatten(h))
        return Dense(1)(h.astype(jnp.float32))[:, 0]


class ArticleGenerator(nn.Module):
    """Latent (N, latent) -> images (N, 64, 64, C) in [-1, 1].

    A dense layer to 32x32, one doubling, 5x5 convolutions around it. `norm`, in all layers but the
    last, and `dropout`, after the convolutions, are none in the article, which says that they fail.
    """

    shape: tuple[int, int, int]
    width: Width = 128
    norm: str = "Identity"
    dropout: Portion = 0.0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent; with dropout it needs the random stream `dropout`."""
        _check(self.shape)
        norm, z = norms.named(self.norm, 0), z.astype(compute_type(self.dtype))
        h = Dense(32 * 32 * self.width)(z).reshape(-1, 32, 32, self.width)
        h = _leaky_relu(norm()(h, train, y))
        for i in range(4):
            up = ConvTranspose(2 * self.width)
            h = up(h) if i == 1 else Conv(2 * self.width, 5, padding=2)(h)
            h = _leaky_relu(norm()(h, train, y))
            h = nn.Dropout(self.dropout, deterministic=not train)(h)
        return jnp.tanh(Conv(self.shape[-1], 7, padding=3)(h.astype(jnp.float32)))


class ArticleDiscriminator(nn.Module):
    """Images (N, 64, 64, C) -> logits (N,); convolutions without padding: 62, 30, 14, 6 pixels."""

    shape: tuple[int, int, int]
    width: Width = 128
    dropout: Portion = 0.4
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image; in training it needs the random stream `dropout`."""
        del y
        _check(self.shape)
        h = _leaky_relu(Conv(self.width, 3)(x.astype(compute_type(self.dtype))))
        for _ in range(3):
            h = _leaky_relu(Conv(self.width, 4, stride=2)(h))
        h = nn.Dropout(self.dropout, deterministic=not train)(flatten(h))
        return Dense(1)(h.astype(jnp.float32))[:, 0]


def _leaky_relu(x: Array) -> Array:
    """Computes max(x, 0.3 x), with Keras's default slope."""
    return nn.leaky_relu(x, 0.3)


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or shape[:2] != (64, 64):
        raise UserError(
            f"dcgan_anime takes 64x64 images, the data are {'x'.join(map(str, shape))}; "
            "set --config.data.res=64"
        )
