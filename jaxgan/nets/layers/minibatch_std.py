"""Minibatch standard deviation (Karras et al. 2018, section 3)."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.runtime.errors import UserError


class MinibatchStd(nn.Module):
    """Appends the standard deviation over groups of images to the features, as channels.

    A group holds `group` images, strided over the batch: image i is in group i mod (N / group).
    The features are split into `channels` equal blocks, each of which contributes one channel.
    """

    group: int = 4
    channels: int = 1

    @property
    def mixes_samples(self) -> bool:
        """Whether an image's features depend on others of the batch."""
        return self.group > 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps (N, H, W, C) to (N, H, W, C + channels); N is below `group` or a multiple of it.

        Raises:
          UserError: another N.
        """
        n, height, width, _ = x.shape
        if n > self.group and n % self.group:
            near = n - n % self.group, n + self.group - n % self.group
            raise UserError(
                f"d's minibatch standard deviation cannot split {n} images into groups of "
                f"config.game.d.group={self.group}; set config.batch to a multiple of "
                f"{self.group} (as {near[0]} or {near[1]}) or below it, or another group"
            )
        if x.shape[-1] % self.channels:
            raise UserError(
                f"config.game.d.std_channels={self.channels}: must divide {x.shape[-1]} features"
            )
        size = min(self.group, n)
        h = x.reshape(size, -1, height, width, self.channels, x.shape[-1] // self.channels)
        std = jnp.sqrt(h.var(axis=0) + 1e-8).mean(axis=(1, 2, 4))
        std = jnp.tile(std, (size, 1))[:, None, None]
        std = jnp.broadcast_to(std, (n, height, width, self.channels))
        return jnp.concatenate([x, std.astype(x.dtype)], axis=-1)
