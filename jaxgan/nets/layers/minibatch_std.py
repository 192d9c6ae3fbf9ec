"""Minibatch standard deviation (Karras et al. 2018, section 3)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array


class MinibatchStd(nn.Module):
    """Appends the standard deviation over a group of images (Karras et al. 2018, section 3).

    A group holds `group` images, strided over the batch: image i is in group i mod (N / group).
    The features are split into `channels` equal parts, each of which gives one channel.
    """

    group: int = 4
    channels: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """(N, H, W, C) -> (N, H, W, C + channels); N a multiple of the group, or below it."""
        n, height, width, _ = x.shape
        size = min(self.group, n)
        h = x.reshape(size, -1, height, width, self.channels, x.shape[-1] // self.channels)
        std = jnp.sqrt(h.var(axis=0) + 1e-8).mean(axis=(1, 2, 4))
        std = jnp.tile(std, (size, 1))[:, None, None]
        std = jnp.broadcast_to(std, (n, height, width, self.channels))
        return jnp.concatenate([x, std.astype(x.dtype)], axis=-1)
