"""SAGAN's self-attention (Zhang et al. 2019)."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.layers.basic import Conv, Init, normal_init
from jaxgan.runtime.errors import UserError


class SelfAttention(nn.Module):
    """Self-attention over positions (Zhang et al. 2019, section 3): x + gamma attention(x).

    Keys and queries have C/8 channels, values C/2; keys and values are max-pooled 2x2, as in the
    authors' code. gamma starts at 0.
    """

    spectral: bool = True
    kernel_init: Init = normal_init

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Applies attention to (N, H, W, C), H and W even; keeps the shape."""
        n, height, width, channels = x.shape
        options = {"use_bias": False, "spectral": self.spectral, "kernel_init": self.kernel_init}

        def project(features: int, pool: bool) -> Array:
            h = Conv(features, 1, **options)(x)
            h = nn.max_pool(h, (2, 2), (2, 2)) if pool else h
            return h.reshape(n, -1, features)

        query = project(max(1, channels // 8), pool=False)
        key = project(max(1, channels // 8), pool=True)
        value = project(max(1, channels // 2), pool=True)
        logits = query @ key.swapaxes(1, 2)
        weights = nn.softmax(logits.astype(jnp.float32)).astype(x.dtype)
        out = (weights @ value).reshape(n, height, width, max(1, channels // 2))
        gamma = self.param("gamma", nn.initializers.zeros, ())
        return x + gamma.astype(x.dtype) * Conv(channels, 1, **options)(out)


def check_attention(size: int, sizes: list[int], player: str) -> None:
    """Refuses attention after feature maps of a size that config.game.<player> has not.

    Args:
      size: what the config says; 0 for none.
      sizes: those that the net's blocks make. Odd ones are not pooled by attention.
      player: "g" or "d", for the message.

    Raises:
      UserError: the sizes there are.
    """
    if size and (size not in sizes or size % 2):
        raise UserError(
            f"config.game.{player}.attention={size}: no feature maps of that size; "
            f"known: {', '.join(str(s) for s in sorted(sizes) if s % 2 == 0)}"
        )
