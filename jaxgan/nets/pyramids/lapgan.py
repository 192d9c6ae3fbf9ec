"""LAPGAN's networks of the finer levels (Denton et al. 2015, sections 3.2 and 4.1).

The coarsest level is an ordinary GAN, the paper's of dense layers: mlp.Generator and
cgan.Discriminator. A label becomes a plane of its own beside the image, by a dense layer of its
one-hot vector.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Portion, Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, Dense, compute_type, flatten, leaky_relu
from jaxgan.nets.layers.condition import append_channel
from jaxgan.nets.ops.laplacian import resized
from jaxgan.runtime.errors import UserError


class Generator(nn.Module):
    """Noise (N, H W) or None, condition or None, coarser images (N, h, w, C) -> (N, *shape).

    The noise is one more channel of the enlarged image; `layers` convolutions compute the residual
    that is added to it. Values are not bounded: a residual's range is not known.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    layers: Depth = 3
    kernel: Width = 5
    norm: str = "Identity"
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        z: Array | None = None,
        y: Array | None = None,
        coarse: Array | None = None,
        *,
        train: bool,
    ) -> Array:
        """Adds a residual to each enlarged image."""
        if self.kernel % 2 == 0:
            raise UserError(f"config.game.g.kernel={self.kernel}: odd, so that images keep a size")
        h = below = resized(coarse, self.shape[0])
        if z is not None:
            h = jnp.concatenate([below, z.reshape(*below.shape[:3], 1)], axis=-1)
        h = append_channel(h, y, self.classes).astype(compute_type(self.dtype))
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        same = {"kernel": self.kernel, "padding": self.kernel // 2}
        for _ in range(self.layers - 1):
            h = nn.relu(norm()(Conv(self.width, use_bias=bias, **same)(h), train, y))
        return below + Conv(self.shape[-1], **same)(h.astype(jnp.float32))


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None, coarser images -> logits (N,).

    An image is residual plus enlarged coarser image, real or not. With `lowpass` the enlarged
    image is given too, as more channels; the paper adds it only. `layers` 4x4 convolutions of
    stride 2 follow, the first without normalization, and a dense layer.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    layers: Depth = 2
    lowpass: bool = True
    norm: str = "Identity"
    dropout: Portion = 0.0
    spectral: bool = False
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self, x: Array, y: Array | None = None, coarse: Array | None = None, *, train: bool
    ) -> Array:
        """Scores each image."""
        if min(self.shape[:2]) >> self.layers < 1:
            raise UserError(
                f"config.game.d.layers={self.layers}: nothing is left of {self.shape[0]} pixels"
            )
        h = x
        if self.lowpass:
            h = jnp.concatenate([x, resized(coarse, self.shape[0])], axis=-1)
        h = append_channel(h, y, self.classes).astype(compute_type(self.dtype))
        norm, bias = norms.named(self.norm, self.classes), self.norm == "Identity"
        for i in range(self.layers):
            options = {"use_bias": bias or i == 0, "spectral": self.spectral}
            h = Conv(self.width << i, 4, stride=2, padding=1, **options)(h)
            h = leaky_relu(norm()(h, train, y) if i else h)
        h = nn.Dropout(self.dropout, deterministic=not train)(flatten(h))
        return Dense(1, spectral=self.spectral)(h.astype(jnp.float32))[:, 0]
