"""Conditions, labels or vectors, and how they enter a net."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.layers.basic import Dense, Embed
from jaxgan.runtime.errors import UserError


class Condition(nn.Module):
    """Embedding of a condition, (N, features): a row per label, or a linear map of a vector."""

    classes: int
    features: int
    kernel_init: nn.initializers.Initializer = nn.initializers.normal(0.02)
    spectral: bool = False

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Embeds labels (N,) int of `classes` classes, or vectors (N, D) float."""
        if y is None:
            raise UserError(
                "config.game: a conditional layer (ConditionalBatchNorm, projection) gets no "
                "condition; set config.game.condition=label"
            )
        options = {"kernel_init": self.kernel_init, "spectral": self.spectral}
        if jnp.issubdtype(y.dtype, jnp.integer):
            return Embed(self.classes, self.features, **options)(y)
        return Dense(self.features, use_bias=False, **options)(y)


# Called in a net's @nn.compact method, the functions below add their layers to that net.


def append_features(
    x: Array, y: Array | None, classes: int, features: int, **options: Any
) -> Array:
    """Appends the condition's embedding to x: (N, D) -> (N, D + features); x if y is None."""
    if y is None:
        return x
    return jnp.concatenate([x, Condition(classes, features, **options)(y)], axis=1)


def append_channel(x: Array, y: Array | None, classes: int) -> Array:
    """Appends the condition's embedding to images as one channel; x if y is None."""
    if y is None:
        return x
    n, height, width, _ = x.shape
    plane = Condition(classes, height * width)(y)
    return jnp.concatenate([x, plane.reshape(n, height, width, 1)], axis=-1)


def projection(h: Array, y: Array, classes: int, **options: Any) -> Array:
    """Computes a projection discriminator's term of the logits (Miyato & Koyama 2018).

    Args:
      h: the last features, (N, D).
      y: the condition.
      classes: number of labels.
      **options: of Condition.

    Returns:
      (N,), the inner products of features and embeddings.
    """
    return jnp.sum(Condition(classes, h.shape[-1], **options)(y) * h, axis=1)
