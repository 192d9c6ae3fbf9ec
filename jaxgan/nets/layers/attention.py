"""SAGAN's self-attention (Zhang et al. 2019)."""

import flax.linen as nn
from jax import Array

from jaxgan.nets.layers.basic import Conv


class SelfAttention(nn.Module):
    """Self-attention over positions (Zhang et al. 2019, section 3): x + gamma attention(x).

    Keys and queries have C/8 channels, values C/2; keys and values are max-pooled 2x2, as in the
    authors' code. gamma starts at 0.
    """

    spectral: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies attention to (N, H, W, C), H and W even; keeps the shape."""
        n, height, width, channels = x.shape

        def project(features: int, pool: bool) -> Array:
            h = Conv(features, 1, use_bias=False, spectral=self.spectral)(x)
            h = nn.max_pool(h, (2, 2), (2, 2)) if pool else h
            return h.reshape(n, -1, features)

        query = project(max(1, channels // 8), pool=False)
        key = project(max(1, channels // 8), pool=True)
        value = project(max(1, channels // 2), pool=True)
        weights = nn.softmax(query @ key.swapaxes(1, 2))
        out = (weights @ value).reshape(n, height, width, max(1, channels // 2))
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma * Conv(channels, 1, use_bias=False, spectral=self.spectral)(out)
