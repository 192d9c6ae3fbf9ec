"""Networks that translate images, and critics of patches (Zhu et al. 2017, section 7.2).

Weights start as N(0, 0.02^2). InstanceNorm has no parameters, as in the paper's code
(junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py), and convolutions before it keep the bias
that it cancels, so that published weights fit. A generator's input may have other channels than its
output, `shape`; both have the same height and width. `dtype` bfloat16 computes in that type, s
e nets/layers/basic.py.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Whole, Width
from jaxgan.nets.layers import norms
from jaxgan.nets.layers.basic import Conv, ConvTranspose, compute_type, leaky_relu
from jaxgan.runtime.errors import UserError

NEAR = 0.995  # of white, where arctanh is finite: less than a level of 255 away


class ResNetGenerator(nn.Module):
    """Images (N, H, W, C) -> images (N, H, W, shape[-1]) in [-1, 1], H and W multiples of 4.

    c7s1-width, two convolutions that halve and double the channels, `blocks` residual blocks, two
    that double and halve, c7s1 and tanh. Borders are reflected. 0 blocks are the paper's: 6 below
    256 pixels, 9 from there on.

    With `residual` the net computes what is added to the image, before the tanh, so that it begins
    near the identity (a global skip connection: Kupyn et al. 2018, section 3.2); images need the
    channels of `shape`.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    blocks: Whole = 0
    norm: str = "InstanceNorm"
    residual: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Translates each image."""
        if self.residual and x.shape[-1] != self.shape[-1]:
            raise UserError(
                f"config.game.g.residual: {x.shape[-1]} channels cannot be added to "
                f"{self.shape[-1]}; set config.data.channels"
            )
        if x.shape[1] % 4 or x.shape[2] % 4:
            raise UserError(
                f"cyclegan.ResNetGenerator takes sides that are multiples of 4, not "
                f"{x.shape[1]}x{x.shape[2]}"
            )
        norm = norms.named(self.norm, 0)
        h = reflect(x.astype(compute_type(self.dtype)), 3)
        h = nn.relu(norm()(Conv(self.width, 7, name="stem")(h), train))
        for i in (1, 2):
            h = Conv(self.width << i, 3, stride=2, padding=1, name=f"down{i}")(h)
            h = nn.relu(norm()(h, train))
        for i in range(self.blocks or (6 if min(self.shape[:2]) < 256 else 9)):
            h = _Residual(self.norm, name=f"block{i}")(h, train)
        for i in (1, 0):
            up = ConvTranspose(self.width << i, 3, output_padding=1, name=f"up{i + 1}")
            h = nn.relu(norm()(up(h), train))
        h = Conv(self.shape[-1], 7, name="image")(reflect(h, 3)).astype(jnp.float32)
        return jnp.tanh(h + jnp.arctanh(NEAR * jnp.clip(x, -1, 1)) if self.residual else h)


class _Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), without a ReLU after the sum."""

    norm: str

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        norm, features = norms.named(self.norm, 0), x.shape[-1]
        h = nn.relu(norm()(Conv(features, 3, name="first")(reflect(x, 1)), train))
        return x + norm()(Conv(features, 3, name="second")(reflect(h, 1)), train)


class EncoderDecoder(nn.Module):
    """Images (N, H, W, C) -> images (N, H, W, shape[-1]) in [-1, 1] (Kim et al. 2017, DiscoGAN).

    4x4 convolutions halve the images down to 4x4, transposed ones double them back. With `skips`
    each map is joined to its mirror image's, a U-Net (Ronneberger et al. 2015) as in DualGAN (Yi et
    al. 2017, section 3.2). The first and last layer are not normalized.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    max_width: Width = 512
    norm: str = "BatchNorm"
    skips: bool = False
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Translates each image."""
        side = self.shape[0]
        if x.shape[1:3] != (side, side) or side < 8 or side & (side - 1):
            raise UserError(
                f"cyclegan.EncoderDecoder takes square images of a power of two, at least 8, not "
                f"{x.shape[1]}x{x.shape[2]}"
            )
        norm = norms.named(self.norm, 0)
        h, maps = x.astype(compute_type(self.dtype)), []
        while h.shape[1] > 4:
            width = min(self.width << len(maps), self.max_width)
            h = Conv(width, 4, stride=2, padding=1, name=f"down{len(maps)}")(h)
            h = leaky_relu(norm()(h, train) if maps else h)
            maps.append(h)
        for i, below in reversed(list(enumerate(maps[:-1]))):
            h = ConvTranspose(below.shape[-1], name=f"up{i + 1}")(h)
            h = nn.relu(norm()(h, train))
            h = jnp.concatenate([h, below], axis=-1) if self.skips else h
        return jnp.tanh(ConvTranspose(self.shape[-1], name="up0")(h).astype(jnp.float32))


class PatchDiscriminator(nn.Module):
    """Images (N, H, W, C) -> logits (N, H', W'), each of one patch; (N,) with pool='mean'.

    `layers` 4x4 convolutions of stride 2, one of stride 1, and a last one to one channel. The
    default's three see patches of 70x70 pixels, and score 30x30 of them at 256 pixels.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    layers: Depth = 3
    norm: str = "InstanceNorm"
    pool: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Scores each patch, or the mean over them."""
        norm = norms.named(self.norm, 0)
        if min(x.shape[1:3]) >> self.layers < 3:
            raise UserError(
                f"cyclegan.PatchDiscriminator with layers={self.layers} has no patch left at "
                f"{x.shape[1]}x{x.shape[2]}; lower config.game.d.layers"
            )
        h = x.astype(compute_type(self.dtype))
        h = leaky_relu(Conv(self.width, 4, stride=2, padding=1, name="conv0")(h))
        for i in range(1, self.layers + 1):
            width, stride = min(self.width << i, 8 * self.width), 2 if i < self.layers else 1
            h = Conv(width, 4, stride=stride, padding=1, name=f"conv{i}")(h)
            h = leaky_relu(norm()(h, train))
        return _pooled(Conv(1, 4, padding=1, name="logits")(h.astype(jnp.float32)), self.pool)


class PixelDiscriminator(nn.Module):
    """Images (N, H, W, C) -> logits (N, H, W) of pixels; (N,) with pool='mean'.

    1x1 convolutions: the PixelGAN of Isola et al. 2017, section 4.4.
    """

    shape: tuple[int, int, int]
    width: Width = 64
    norm: str = "InstanceNorm"
    pool: str = "none"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        """Scores each pixel, or the mean over them."""
        h = leaky_relu(Conv(self.width, 1, name="conv0")(x.astype(compute_type(self.dtype))))
        h = Conv(2 * self.width, 1, name="conv1")(h)
        h = leaky_relu(norms.named(self.norm, 0)()(h, train))
        return _pooled(Conv(1, 1, name="logits")(h.astype(jnp.float32)), self.pool)


def reflect(x: Array, margin: int) -> Array:
    """Pads images (N, H, W, C) by their reflection, without repeating the border."""
    return jnp.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")


def _pooled(logits: Array, pool: str) -> Array:
    """Logits (N, H, W, 1) without the last axis, or their means (N,)."""
    if pool not in ("none", "mean"):
        raise UserError(f"config.game.d.pool={pool!r}: 'none' or 'mean'")
    return logits[..., 0] if pool == "none" else logits.mean((1, 2, 3))
