"""SNGAN's residual networks (Miyato et al. 2018, appendix B), and SAGAN's (Zhang et al. 2019).

For 32, 48 and 128 pixels they follow the paper, for 64 its authors' code. Weights start
Glorot-uniform, times sqrt(2) in the residual branches. SAGAN's are the same with `attention`,
`spectral` in G as well, and a D that widens with the first convolution of each block. `dtype`
bfloat16 computes in that type, see nets/layers/basic.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Width, WidthOrNone
from jaxgan.core.shapes import check_square
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.attention import SelfAttention, check_attention
from jaxgan.nets.layers.basic import Conv, Dense, compute_type
from jaxgan.nets.layers.condition import append_channel, append_features, projection
from jaxgan.nets.ops.resize import downsample, upsample
from jaxgan.runtime.errors import UserError

_init = nn.initializers.glorot_uniform()
_residual_init = nn.initializers.variance_scaling(2.0, "fan_avg", "uniform")


class _Plan(NamedTuple):
    """Channels after G's dense layer and each block, and after each of D's, in units of `width`.

    halvings: how many of D's blocks, from the first on, halve the image.
    """

    g: tuple[int, ...]
    d: tuple[int, ...]
    halvings: int
    g_width: int = 64
    d_width: int = 64


_PLANS = {
    32: _Plan((1, 1, 1, 1), (1, 1, 1, 1), 2, g_width=256, d_width=128),
    48: _Plan((8, 4, 2, 1), (1, 2, 4, 8, 16), 4),
    64: _Plan((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 5),
    128: _Plan((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
}


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    Projects to 4x4 (6x6 for 48 pixels), then doubles with residual blocks. `width` is the number of
    channels of the largest feature maps; 0 is the paper's, 256 for 32 pixels, else 64. A condition
    makes BatchNorm conditional, but for the last, before the output, as in the authors' code
    (pfnet-research/sngan_projection, gen_models/resnet_32.py; brain-research/self-attention-gan,
    generator.py); with another norm its embedding is appended to the latent.
    `attention` is the size of the feature maps after which SelfAttention is placed, 0 for none.
    """

    shape: tuple[int, int, int]
    width: WidthOrNone = 0
    norm: str = "BatchNorm"
    spectral: bool = False
    attention: WidthOrNone = 0
    classes: int = 0
    embedding: Width = 128
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        plan = _plan(self.shape)
        first, *rest = (factor * (self.width or plan.g_width) for factor in plan.g)
        size = self.shape[0] >> len(rest)
        check_attention(self.attention, [size << i for i in range(1, len(plan.g))], "g")
        norm = self.norm
        if y is not None and norm == "BatchNorm":
            norm = "ConditionalBatchNorm"
        elif y is not None and norm != "ConditionalBatchNorm":
            z = append_features(z, y, self.classes, self.embedding)
        last = norms.named("BatchNorm" if norm == "ConditionalBatchNorm" else norm, self.classes)
        norm = norms.named(norm, self.classes)
        options = {"kernel_init": _init, "spectral": self.spectral}
        h = Dense(size * size * first, **options)(z.astype(compute_type(self.dtype)))
        h = h.reshape(-1, size, size, first)
        for i, features in enumerate(rest):
            h = _Up(features, norm, self.spectral, name=f"block{i}")(h, train, y)
            if h.shape[1] == self.attention:
                h = SelfAttention(spectral=self.spectral)(h)
        h = nn.relu(last()(h, train))
        return jnp.tanh(Conv(self.shape[-1], 3, padding=1, **options)(h).astype(jnp.float32))


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,), with `heads` also heads (N, heads).

    Residual blocks, ReLU, `pool` over space ('sum', or WGAN-GP's 'mean'), a dense layer. `width` is
    the number of channels after the first block; 0 is the paper's, 128 for 32 pixels, else 64. The
    inner product of a condition's embedding and the pooled features is added to the logits (Miyato
    & Koyama 2018); without `projection` the condition becomes one more channel of the image
    instead. `attention` as in G. `widen` is the convolution of each block, after the first block,
    that changes the number of channels: 'second' (SNGAN, sngan_projection's dis_models) or
    'first' (SAGAN, self-attention-gan's discriminator.py, function `block`).
    """

    shape: tuple[int, int, int]
    width: WidthOrNone = 0
    norm: str = "Identity"
    spectral: bool = True
    attention: WidthOrNone = 0
    classes: int = 0
    projection: bool = True
    heads: int = 0
    pool: str = "sum"
    widen: str = "second"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        plan = _plan(self.shape)
        if self.pool not in ("sum", "mean"):
            raise UserError(f"config.game.d.pool={self.pool!r}: 'sum' or 'mean'")
        if self.widen not in ("first", "second"):
            raise UserError(f"config.game.d.widen={self.widen!r}: 'first' or 'second'")
        sizes = [self.shape[0] >> i for i in range(1, plan.halvings + 1)]
        check_attention(self.attention, sizes, "d")
        norm = norms.named(self.norm, self.classes)
        options = {"kernel_init": _init, "spectral": self.spectral}
        h = x if self.projection else append_channel(x, y, self.classes)
        h = h.astype(compute_type(self.dtype))
        for i, factor in enumerate(plan.d):
            down, features = i < plan.halvings, factor * (self.width or plan.d_width)
            widen_first = i == 0 or self.widen == "first"
            block = _Down(
                features, norm, self.spectral, down, i == 0, widen_first, name=f"block{i}"
            )
            h = block(h, train, y)
            if down and h.shape[1] == self.attention:
                h = SelfAttention(spectral=self.spectral)(h)
        h = nn.relu(norm()(h, train, y)).astype(jnp.float32)
        h = h.sum(axis=(1, 2)) if self.pool == "sum" else h.mean(axis=(1, 2))
        logits = Dense(1, **options)(h)[:, 0]
        if y is not None and self.projection:
            logits += projection(h, y, self.classes, **options)
        if not self.heads:
            return logits
        return logits, Dense(self.heads, **options)(h)


class _Up(nn.Module):
    """(N, H, W, C) -> (N, 2H, 2W, features): norm, ReLU, double, convolve; norm, ReLU, convolve."""

    features: int
    norm: Callable[[], nn.Module]
    spectral: bool

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None) -> Array:
        residual = {"padding": 1, "kernel_init": _residual_init, "spectral": self.spectral}
        h = nn.relu(self.norm()(x, train, y))
        h = Conv(self.features, 3, up=True, **residual)(h)
        h = nn.relu(self.norm()(h, train, y))
        h = Conv(self.features, 3, **residual)(h)
        # A 1x1 convolution commutes with doubling, and before it costs a quarter.
        shortcut = Conv(self.features, 1, kernel_init=_init, spectral=self.spectral)(x)
        return h + upsample(shortcut)


class _Down(nn.Module):
    """(N, H, W, C) -> (N, H/2, W/2, features), or of the same size without `down`.

    The `first` block has no activation before its first convolution. That convolution changes the
    number of channels with `widen_first`, else the second does.
    """

    features: int
    norm: Callable[[], nn.Module]
    spectral: bool
    down: bool
    first: bool
    widen_first: bool

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None) -> Array:
        residual = {"padding": 1, "kernel_init": _residual_init, "spectral": self.spectral}
        h = x if self.first else nn.relu(self.norm()(x, train, y))
        h = Conv(self.features if self.widen_first else x.shape[-1], 3, **residual)(h)
        h = nn.relu(self.norm()(h, train, y))
        h = Conv(self.features, 3, down=self.down, **residual)(h)
        # The authors' later blocks convolve, then pool. For a 1x1 convolution the two commute:
        # the values are the same at a quarter of the cost.
        shortcut = downsample(x) if self.down else x
        if self.down or x.shape[-1] != self.features:
            project = Conv(self.features, 1, kernel_init=_init, spectral=self.spectral)
            shortcut = project(shortcut)
        return h + shortcut


def _plan(shape: tuple[int, ...]) -> _Plan:
    check_square(shape, tuple(_PLANS), "resnet")
    return _PLANS[shape[0]]
