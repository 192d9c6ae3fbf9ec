"""Minibatch standard deviation (Karras et al. 2018, section 3)."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


class MinibatchStd(nn.Module):
    """Appends the standard deviation over groups of images to the features, as channels.

    A group holds `group` images, strided over the batch: image i is in group i mod (N / group).
    The features are split into `channels` equal blocks, each of which contributes one channel.
    """

    group: int = 4
    channels: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps (N, H, W, C) to (N, H, W, C + channels); N is below `group` or a multiple of it."""
        n, height, width, _ = x.shape
        size = min(self.group, n)
        h = x.reshape(size, -1, height, width, self.channels, x.shape[-1] // self.channels)
        std = jnp.sqrt(h.var(axis=0) + 1e-8).mean(axis=(1, 2, 4))
        std = jnp.tile(std, (size, 1))[:, None, None]
        std = jnp.broadcast_to(std, (n, height, width, self.channels))
        return jnp.concatenate([x, std.astype(x.dtype)], axis=-1)
