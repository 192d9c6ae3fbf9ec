"""Multilayer perceptrons for images and points (Goodfellow et al. 2014).

The defaults are the tutorials' sizes for 28x28 digits. `dtype` bfloat16 computes in
that type, see nets/layers/basic.py.
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Scale, Width, Widths
from jaxgan.config.registry import nearest
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Dense, compute_type, flatten, leaky_relu
from jaxgan.nets.layers.condition import append_features, projection
from jaxgan.runtime.errors import UserError

_TORCH = 3**-0.5  # PyTorch's default gain, which the tutorials keep; He et al. 2015 use 2**0.5

_ACTIVATIONS = {"relu": nn.relu, "leaky_relu": leaky_relu, "tanh": jnp.tanh}
_OUTPUTS = {"tanh": jnp.tanh, "linear": lambda x: x}


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> (N, *shape): 64-256-256-784 by default.

    `output` is 'tanh' for images in [-1, 1], 'linear' for points. A condition's embedding is
    appended to the latent.
    """

    shape: tuple[int, ...]
    widths: Widths = (256, 256)
    activation: str = "relu"
    output: str = "tanh"
    norm: str = "Identity"
    spectral: bool = False
    gain: Scale = _TORCH
    classes: int = 0
    embedding: Width = 50
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one sample per latent."""
        z = append_features(z, y, self.classes, self.embedding)
        h = _hidden(self, z, y, train)
        h = _dense(self, math.prod(self.shape))(h).astype(jnp.float32)
        return _choice("output", self.output, _OUTPUTS)(h).reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Samples (N, *shape), condition or None -> logits (N,), with `heads` also heads (N, heads).

    784-256-256-1 by default. A condition's embedding is appended to the flattened sample; with
    `projection` its inner product with the last features is added to the logits instead (Miyato &
    Koyama 2018).
    """

    shape: tuple[int, ...]
    widths: Widths = (256, 256)
    activation: str = "leaky_relu"
    norm: str = "Identity"
    spectral: bool = False
    gain: Scale = _TORCH
    classes: int = 0
    embedding: Width = 50
    projection: bool = False
    heads: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each sample."""
        h = flatten(x)
        if not self.projection:
            h = append_features(h, y, self.classes, self.embedding, spectral=self.spectral)
        h = _hidden(self, h, y, train).astype(jnp.float32)
        logits = _dense(self, 1)(h)[:, 0]
        if self.projection:  # without a condition, its error names the option to set
            logits += projection(h, y, self.classes, spectral=self.spectral)
        if not self.heads:
            return logits
        return logits, _dense(self, self.heads)(h)


def _hidden(net: Generator | Discriminator, h: Array, y: Array | None, train: bool) -> Array:
    """Applies the hidden layers, (N, C) -> (N, widths[-1]): dense, normalization, activation."""
    norm, bias = norms.named(net.norm, net.classes), net.norm == "Identity"
    activation = _choice("activation", net.activation, _ACTIVATIONS)
    h = h.astype(compute_type(net.dtype))
    for width in net.widths:
        h = activation(norm()(_dense(net, width, bias)(h), train, y))
    return h


def _dense(net: Generator | Discriminator, features: int, use_bias: bool = True) -> Dense:
    """Builds a layer with uniform weights of std gain / sqrt(fan_in).

    PyTorch's weights are U(-1, 1) / sqrt(fan_in).
    """
    init = nn.initializers.variance_scaling(net.gain**2, "fan_in", "uniform")
    return Dense(features, use_bias, init, net.spectral)


def _choice(field: str, name: str, known: dict[str, Callable]) -> Callable[[Array], Array]:
    if name not in known:
        raise UserError(f"{field}={name!r}: no such {field}{nearest(name, known)}")
    return known[name]
