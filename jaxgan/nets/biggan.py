"""BigGAN's residual networks (Brock et al. 2019, appendix B).

z is split into chunks. The first becomes the 4x4 feature maps; each other one is joined to an
embedding of the condition that all blocks share, and sets gain and bias of one block's BatchNorms.
All weights start orthogonal, and all but the shared embedding are spectrally normalized.
"""

from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Scale, Width, WidthOrNone
from jaxgan.core.shapes import check_square
from jaxgan.nets.layers.attention import SelfAttention, check_attention
from jaxgan.nets.layers.basic import Conv, Dense, compute_type
from jaxgan.nets.layers.condition import Condition, projection
from jaxgan.nets.layers.norms import BatchNorm
from jaxgan.nets.ops.resize import downsample, upsample
from jaxgan.runtime.errors import UserError

START = 4  # pixels of the first feature maps

_init = nn.initializers.orthogonal()
_options = {"spectral": True, "kernel_init": _init}


class Plan(NamedTuple):
    """Channels in units of `width`: of G's dense layer and blocks, and of D's blocks.

    halvings: how many of D's blocks, from the first on, halve the image.
    """

    g: tuple[int, ...]
    d: tuple[int, ...]
    halvings: int


PLANS = {
    32: Plan((4, 4, 4, 4), (2, 2, 2, 2), 2),
    64: Plan((16, 8, 4, 2, 1), (1, 2, 4, 8, 16), 4),
    128: Plan((16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), 5),
    256: Plan((16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), 6),
}


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape) in [-1, 1].

    Doubles 4x4 with residual blocks; the latent's length must be a multiple of their number plus 1.
    The last BatchNorm is unconditional. `width` is the paper's ch; `embedding` the length of the
    condition's embedding; `attention` the size of the feature maps after which SelfAttention is
    placed, 0 for none; `epsilon` of all BatchNorms.
    """

    shape: tuple[int, int, int]
    width: Width = 96
    attention: WidthOrNone = 0
    classes: int = 0
    embedding: Width = 128
    epsilon: Scale = 1e-4
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        first, *rest = (factor * self.width for factor in plan(self.shape).g)
        check_attention(self.attention, [START << i for i in range(1, len(rest) + 1)], "g")
        chunks = split(z.astype(compute_type(self.dtype)), len(rest) + 1)
        shared = []
        if y is not None:
            embedded = Condition(self.classes, self.embedding, _init, name="shared")(y)
            shared.append(embedded.astype(chunks[0].dtype))
        h = Dense(START * START * first, name="linear", **_options)(chunks[0])
        h = h.reshape(-1, START, START, first)
        for i, (features, chunk) in enumerate(zip(rest, chunks[1:], strict=True)):
            style = jnp.concatenate([*shared, chunk], axis=1)
            h = _Up(features, self.epsilon, name=f"block{i}")(h, style, train)
            if h.shape[1] == self.attention:
                h = SelfAttention(kernel_init=_init, name="attention")(h)
        norm = BatchNorm(epsilon=self.epsilon, scale_init=nn.initializers.ones, name="norm")
        image = Conv(self.shape[-1], 3, padding=1, name="image", **_options)
        return jnp.tanh(image(nn.relu(norm(h, train)).astype(jnp.float32)))


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,), with `heads` also heads (N, heads).

    Residual blocks, the first without activation before it; ReLU, the sum over space, a dense
    layer. The inner product of the condition's embedding and the summed features is added
    (Miyato & Koyama 2018). `width` is the paper's ch, `attention` as in G.
    """

    shape: tuple[int, int, int]
    width: Width = 96
    attention: WidthOrNone = 0
    classes: int = 0
    heads: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool):
        """Scores each image."""
        del train
        of, h = plan(self.shape), x.astype(compute_type(self.dtype))
        check_attention(self.attention, [self.shape[0] >> i + 1 for i in range(of.halvings)], "d")
        for i, factor in enumerate(of.d):
            down = i < of.halvings
            h = _Down(factor * self.width, down=down, first=i == 0, name=f"block{i}")(h)
            if down and h.shape[1] == self.attention:
                h = SelfAttention(kernel_init=_init, name="attention")(h)
        h = nn.relu(h).astype(jnp.float32).sum(axis=(1, 2))
        logits = Dense(1, name="linear", **_options)(h)[:, 0]
        if y is not None:
            logits += projection(h, y, self.classes, **_options)
        if not self.heads:
            return logits
        return logits, Dense(self.heads, name="heads_of", **_options)(h)


class _Norm(nn.Module):
    """BatchNorm of x (N, H, W, C) with gain 1 + A style and bias B style, of a style (N, D)."""

    epsilon: float

    @nn.compact
    def __call__(self, x: Array, style: Array, train: bool) -> Array:
        h = BatchNorm(affine=False, epsilon=self.epsilon)(x, train)
        gain, bias = (
            Dense(x.shape[-1], use_bias=False, name=name, **_options)(style)[:, None, None]
            for name in ("gain", "bias")
        )
        return h * (1 + gain) + bias


class _Up(nn.Module):
    """(N, H, W, C) -> (N, 2H, 2W, features): norm, ReLU, double, convolve; norm, ReLU, convolve."""

    features: int
    epsilon: float

    @nn.compact
    def __call__(self, x: Array, style: Array, train: bool) -> Array:
        h = nn.relu(_Norm(self.epsilon, name="norm0")(x, style, train))
        h = Conv(self.features, 3, padding=1, up=True, name="conv0", **_options)(h)
        h = nn.relu(_Norm(self.epsilon, name="norm1")(h, style, train))
        h = Conv(self.features, 3, padding=1, name="conv1", **_options)(h)
        # A 1x1 convolution commutes with doubling, and before it costs a quarter.
        return h + upsample(Conv(self.features, 1, name="shortcut", **_options)(x))


class _Down(nn.Module):
    """(N, H, W, C) -> (N, H/2, W/2, features), or of the same size without `down`."""

    features: int
    down: bool
    first: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        h = x if self.first else nn.relu(x)
        h = Conv(self.features, 3, padding=1, name="conv0", **_options)(h)
        h = Conv(self.features, 3, padding=1, down=self.down, name="conv1", **_options)(nn.relu(h))
        # The authors' later blocks convolve, then pool: for a 1x1 convolution the two commute.
        shortcut = downsample(x) if self.down else x
        if self.down or x.shape[-1] != self.features:
            shortcut = Conv(self.features, 1, name="shortcut", **_options)(shortcut)
        return h + shortcut


def plan(shape: tuple[int, ...]) -> Plan:
    """Returns the plan of images of `shape`; raises UserError if there is none."""
    check_square(shape, tuple(PLANS), "biggan")
    return PLANS[shape[0]]


def split(z: Array, chunks: int) -> list[Array]:
    """Splits latents (N, latent) into chunks of equal length.

    Raises:
      UserError: the latent's length is no multiple of their number.
    """
    if z.shape[1] % chunks:
        least = max(1, round(z.shape[1] / chunks)) * chunks
        raise UserError(
            f"config.game.latent={z.shape[1]}: biggan splits z into {chunks} chunks of equal "
            f"length at this size of images; use a multiple, as {least}"
        )
    return jnp.split(z, chunks, axis=1)
