"""The first GAN's multilayer perceptrons (Goodfellow et al. 2014), at the tutorials' sizes."""

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.layers import Dense, flatten, leaky_relu

Array = jax.Array

# The tutorials keep PyTorch's default: U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
_init = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Generator(nn.Module):
    """Latent (N, latent) -> images (N, *shape) in [-1, 1]: 64-256-256-784 by default."""

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (256, 256)

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Draws one image per latent."""
        del y, train
        h = z
        for width in self.widths:
            h = nn.relu(Dense(width, kernel_init=_init)(h))
        h = jnp.tanh(Dense(math.prod(self.shape), kernel_init=_init)(h))
        return h.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images (N, ...) -> logits (N,): 784-256-256-1 by default."""

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (256, 256)

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image."""
        del y, train
        h = flatten(x)
        for width in self.widths:
            h = leaky_relu(Dense(width, kernel_init=_init)(h))
        return Dense(1, kernel_init=_init)(h)[:, 0]
