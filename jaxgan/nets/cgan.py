"""Conditional GANs' networks: the tutorials' perceptrons, and a two-stage discriminator.

The perceptrons are Mirza & Osindero's (2014, section 3) at the sizes of the tutorials' code (GAN
Step By Step, step 4). That code writes BatchNorm1d(n, 0.8), which sets epsilon to 0.8; here epsilon
is 1e-5 and the running moments decay by 0.9, PyTorch's defaults. `dtype` bfloat16 computes in
that type, see nets/layers/basic.py.
"""

import functools
import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Portion, Probability, Width, Widths
from jaxgan.config.registry import nearest
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import (
    Conv,
    Dense,
    compute_type,
    flatten,
    leaky_relu,
    torch_init,
)
from jaxgan.nets.layers.condition import Condition, append_features
from jaxgan.nets.layers.pyramid import pyramid
from jaxgan.runtime.errors import UserError


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    110-128-256-512-1024-784 by default: a condition's embedding is appended to the latent;
    LeakyReLU, and BatchNorm on all hidden layers but the first.
    """

    shape: tuple[int, ...]
    widths: Widths = (128, 256, 512, 1024)
    norm: str = "BatchNorm"
    classes: int = 0
    embedding: Width = 10
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        norm = norms.named(self.norm, self.classes)
        h = _append_features(z, y, self.classes, self.embedding)
        h = h.astype(compute_type(self.dtype))
        for i, width in enumerate(self.widths):
            h = Dense(width, kernel_init=torch_init)(h)
            h = leaky_relu(norm()(h, train, y) if i else h)
        h = Dense(math.prod(self.shape), kernel_init=torch_init)(h)
        return jnp.tanh(h.astype(jnp.float32)).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,).

    794-512-512-512-1 by default: a condition's embedding is appended to the flattened image;
    LeakyReLU, and dropout on all hidden layers but the first, with `drop_first` on all, which in
    training needs the random stream `dropout`.
    """

    shape: tuple[int, ...]
    widths: Widths = (512, 512, 512)
    dropout: Portion = 0.4
    drop_first: bool = False
    spectral: bool = False
    classes: int = 0
    embedding: Width = 10
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image."""
        options = {"kernel_init": torch_init, "spectral": self.spectral}
        h = _append_features(flatten(x), y, self.classes, self.embedding, self.spectral)
        h = h.astype(compute_type(self.dtype))
        for i, width in enumerate(self.widths):
            h = Dense(width, **options)(h)
            if i or self.drop_first:
                h = nn.Dropout(self.dropout, deterministic=not train)(h)
            h = leaky_relu(h)
        return Dense(1, **options)(h.astype(jnp.float32))[:, 0]


class TwoStageDiscriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,): is x real, and does it match y?

    Strided 4x4 convolutions that never see the condition reduce 16 to 256 pixels to 4x4, 28 to 7x7.
    The realism score r(x) is computed from those features alone; the matching score m(x, y) from
    the features with the condition's embedding appended at each position, as in Reed et al. 2016,
    section 4.1. `combine` is 'sum', r + m; 'weighted', (1 - weight) r + weight m; 'min', the worse
    of the two; or 'matching', m alone. Without a condition r is the logit.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    max_width: Width = 1024
    norm: str = "BatchNorm"
    spectral: bool = False
    classes: int = 0
    embedding: Width = 128
    combine: str = "sum"
    weight: Probability = 0.5
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image."""
        if self.combine not in _COMBINE:
            hint = nearest(self.combine, _COMBINE)
            raise UserError(f"config.game.d.combine={self.combine!r}: no such rule{hint}")
        norm, bias = norms.named(self.norm, 0), self.norm == "Identity"
        first, *rest = pyramid(self.shape, self.width, self.max_width, "cgan")
        h = x.astype(compute_type(self.dtype))
        h = leaky_relu(Conv(first, 4, stride=2, padding=1, spectral=self.spectral)(h))
        for width in rest:
            h = Conv(width, 4, stride=2, padding=1, use_bias=bias, spectral=self.spectral)(h)
            h = leaky_relu(norm()(h, train))
        score = functools.partial(Conv, 1, h.shape[1], spectral=self.spectral)
        realism = score(name="realism")(h.astype(jnp.float32))[:, 0, 0, 0]
        if y is None:
            return realism
        embedded = Condition(self.classes, self.embedding, spectral=self.spectral)(y)
        embedded = jnp.broadcast_to(embedded[:, None, None], (*h.shape[:3], self.embedding))
        h = jnp.concatenate([h, embedded.astype(h.dtype)], axis=-1)
        h = leaky_relu(Conv(h.shape[-1], 1, spectral=self.spectral)(h))
        matching = score(name="matching")(h.astype(jnp.float32))[:, 0, 0, 0]
        return _COMBINE[self.combine](realism, matching, self.weight)


_COMBINE = {
    "sum": lambda realism, matching, weight: realism + matching,
    "weighted": lambda realism, matching, weight: (1 - weight) * realism + weight * matching,
    "min": lambda realism, matching, weight: jnp.minimum(realism, matching),
    "matching": lambda realism, matching, weight: matching,
}


def _append_features(
    x: Array, y: Array | None, classes: int, features: int, spectral: bool = False
) -> Array:
    """Appends the condition's embedding; a label's row starts as N(0, 1), as in PyTorch."""
    labels = y is not None and jnp.issubdtype(y.dtype, jnp.integer)
    init = nn.initializers.normal(1.0) if labels else nn.initializers.lecun_normal()
    return append_features(x, y, classes, features, kernel_init=init, spectral=spectral)
