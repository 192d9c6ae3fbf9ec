"""Embeds a condition: labels or vectors."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.layers.basic import Dense, Embed
from jaxgan.runtime.errors import UserError

Array = jax.Array


class Condition(nn.Module):
    """A condition -> (N, features): a row for each label, or a linear map of a vector."""

    classes: int
    features: int
    kernel_init: nn.initializers.Initializer = nn.initializers.normal(0.02)
    spectral: bool = False

    @nn.compact
    def __call__(self, y: Array) -> Array:
        """Labels (N,) int of `classes` classes, or vectors (N, D) float."""
        if y is None:
            raise UserError(
                "config.game: a conditional layer (ConditionalBatchNorm, projection) gets no "
                "condition; set config.game.condition=label"
            )
        options = {"kernel_init": self.kernel_init, "spectral": self.spectral}
        if jnp.issubdtype(y.dtype, jnp.integer):
            return Embed(self.classes, self.features, **options)(y)
        return Dense(self.features, use_bias=False, **options)(y)
