"""InfoGAN's networks for digits (Chen et al. 2016, appendix C.1, table 1).

`width` is 64 in the paper; every other width is a multiple of it. `dtype` bfloat16 computes in
that type, see nets/layers/basic.py.

OdogGenerator and OdogDiscriminator are the nets of the ODOG tutorial on InfoGAN.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Portion, Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import (
    Conv,
    ConvTranspose,
    Dense,
    compute_type,
    flatten,
    leaky_relu,
)
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
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        _check(self.shape)
        height, width, channels = self.shape
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        z = _joined(self, z, y).astype(compute_type(self.dtype))
        h = nn.relu(norm()(Dense(16 * self.width, use_bias=bias)(z), train, y))
        h = Dense(height // 4 * (width // 4) * 2 * self.width, use_bias=bias)(h)
        h = nn.relu(norm()(h, train, y)).reshape(-1, height // 4, width // 4, 2 * self.width)
        h = nn.relu(norm()(ConvTranspose(self.width, use_bias=bias)(h), train, y))
        return jnp.tanh(ConvTranspose(channels)(h).astype(jnp.float32))


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
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        del y
        _check(self.shape)
        norm, bias = norms.named(self.norm, 0), self.norm == "Identity"
        options = {"use_bias": bias, "spectral": self.spectral}
        h = x.astype(compute_type(self.dtype))
        h = _leaky_relu(Conv(self.width, 4, stride=2, padding=1, spectral=self.spectral)(h))
        h = Conv(2 * self.width, 4, stride=2, padding=1, **options)(h)
        h = flatten(_leaky_relu(norm()(h, train)))
        h = _leaky_relu(norm()(Dense(16 * self.width, **options)(h), train))
        logits = Dense(1, spectral=self.spectral)(h.astype(jnp.float32))[:, 0]
        if not self.heads:
            return logits
        h = _leaky_relu(norm()(Dense(2 * self.width, **options)(h), train))
        return logits, Dense(self.heads, spectral=self.spectral)(h.astype(jnp.float32))


class OdogGenerator(nn.Module):
    """Latent (N, latent), code or None -> images (N, *shape) in [-1, 1].

    A dense layer to H/4 x W/4 maps of 2 width channels, doubled twice by nearest neighbors before
    3x3 convolutions; normalization comes after ReLU, as the tutorial's text has it.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    norm: str = "BatchNorm"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        _check(self.shape)
        height, width, channels = self.shape
        norm = _odog_norm(self.norm, self.classes)
        z = _joined(self, z, y).astype(compute_type(self.dtype))
        h = nn.relu(Dense(height // 4 * (width // 4) * 2 * self.width)(z))
        h = norm()(h.reshape(-1, height // 4, width // 4, 2 * self.width), train, y)
        for factor in (2, 1):
            h = norm()(nn.relu(Conv(factor * self.width, 3, padding=1, up=True)(h)), train, y)
        return jnp.tanh(Conv(channels, 3, padding=1)(h.astype(jnp.float32)))


class OdogDiscriminator(nn.Module):
    """Images (N, *shape) -> logits (N,), with `heads` also heads (N, heads).

    Four 3x3 convolutions of stride 2 to 64, 128, 256 and 512 channels, each with LeakyReLU and
    dropout, all but the first with normalization after that; the heads have another dense layer
    of 128.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    norm: str = "BatchNorm"
    dropout: Portion = 0.25
    heads: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image; in training it needs the random stream `dropout`."""
        del y
        _check(self.shape)
        norm, h = _odog_norm(self.norm, 0), x.astype(compute_type(self.dtype))
        for i in range(4):
            h = leaky_relu(Conv(self.width << i, 3, stride=2, padding=1)(h))
            h = nn.Dropout(self.dropout, deterministic=not train)(h)
            h = norm()(h, train) if i else h
        h = flatten(h).astype(jnp.float32)
        logits = Dense(1)(h)[:, 0]
        if not self.heads:
            return logits
        return logits, Dense(self.heads)(nn.relu(Dense(2 * self.width)(h)))


def _odog_norm(name: str, classes: int) -> Callable[[], nn.Module]:
    """Returns a normalization by name; BatchNorm's running moments decay by the tutorial's 0.8."""
    return (
        partial(norms.BatchNorm, momentum=0.8)
        if name == "BatchNorm"
        else norms.named(name, classes)
    )


def _joined(net: nn.Module, z: Array, y: Array | None) -> Array:
    """Appends a code, a vector or a one-hot label, to latents (N, latent)."""
    if y is None:
        return z
    vector = jnp.issubdtype(y.dtype, jnp.floating)
    return jnp.concatenate([z, y if vector else jax.nn.one_hot(y, net.classes)], axis=1)


def _leaky_relu(x: Array) -> Array:
    return nn.leaky_relu(x, 0.1)


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or shape[0] % 4 or shape[1] % 4:
        raise UserError(
            f"infogan takes images whose sides are multiples of 4, the data are "
            f"{'x'.join(map(str, shape))}; set --config.data.res=28 or 32"
        )
