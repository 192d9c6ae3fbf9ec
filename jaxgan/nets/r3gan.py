"""R3GAN's networks (Huang et al. 2024, section 4): residual, without normalization.

A net is a stage per resolution, from 4x4 up to the image's; `widths`, `cardinality` and `blocks`
have an entry per stage, in this order for both nets, that of the authors' generator. A block is

    x + conv1x1(a(conv3x3, grouped(a(conv1x1(x))))),    a(v) = leaky_relu(v + bias),

with `expansion` times the width and `cardinality` groups inside. Its weights start as
N(0, gain^2 / fan_in), gain^2 = 2 / 1.04 / sqrt(blocks of the net), and the last ones at 0: a net
starts without what its blocks compute, and its variance does not grow with its depth (Zhang et al.
2019). Convolutions have no bias. Resampling is filtered by [1, 3, 3, 1].
"""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Multiple, Width, WidthOrNone, Widths
from jaxgan.core.shapes import check_square
from jaxgan.nets.layers.basic import Conv, Dense, Init, compute_type, leaky_relu
from jaxgan.nets.layers.condition import Condition
from jaxgan.nets.ops.conv_grouped import grouped_conv2d
from jaxgan.nets.ops.upfirdn import downsample, upsample
from jaxgan.runtime.errors import UserError

LEAK = math.sqrt(2 / (1 + 0.2**2))  # keeps the mean square through leaky_relu


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape).

    Unbounded in training, clipped to [-1, 1] outside of it. A condition's embedding, of `embedding`
    features, 0 for as many as the latent's, is joined to it; a learned 4x4 basis times a dense
    layer of both is the first feature map.
    """

    shape: tuple[int, int, int]
    widths: Widths = (768, 768, 768, 768)
    cardinality: Widths = (96, 96, 96, 96)
    blocks: tuple[Depth, ...] = (2, 2, 2, 2)
    expansion: Multiple = 2
    embedding: WidthOrNone = 0
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        check(self, "g")
        if y is not None:
            features = self.embedding or z.shape[-1]
            z = jnp.concatenate([z, Condition(self.classes, features, scaled())(y)], axis=1)
        z, first = z.astype(compute_type(self.dtype)), self.widths[0]
        basis = self.param("basis", nn.initializers.normal(1.0), (4, 4, first))
        scale = Dense(first, use_bias=False, kernel_init=scaled(), name="basis_scale")(z)
        h = basis.astype(z.dtype) * scale[:, None, None]
        for i, width in enumerate(self.widths):
            if i:
                if width != h.shape[-1]:
                    h = Conv(width, 1, name=f"transition{4 << i}", **PLAIN)(h)
                h = upsample(h)
            h = stage(self, i, h)
        images = Conv(self.shape[-1], 1, name="to_image", **PLAIN)(h.astype(jnp.float32))
        return images if train else jnp.clip(images, -1.0, 1.0)


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,).

    The last feature map, 4x4, is weighted and summed by channel, then mapped to the logit; with a
    condition to `embedding` features, whose inner product with its embedding is the logit.
    """

    shape: tuple[int, int, int]
    widths: Widths = (768, 768, 768, 768)
    cardinality: Widths = (96, 96, 96, 96)
    blocks: tuple[Depth, ...] = (2, 2, 2, 2)
    expansion: Multiple = 2
    embedding: Width = 768
    classes: int = 0
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image."""
        del train  # nothing here differs
        check(self, "d")
        x = x.astype(compute_type(self.dtype))
        h = Conv(self.widths[-1], 1, name="from_image", **PLAIN)(x)
        for i in reversed(range(len(self.widths))):
            h = stage(self, i, h)
            if i:
                h = downsample(h)
                if self.widths[i - 1] != h.shape[-1]:
                    h = Conv(self.widths[i - 1], 1, name=f"transition{4 << i}", **PLAIN)(h)
        basis = self.param("basis", depthwise, (4, 4, self.widths[0]))
        h = jnp.einsum("nhwc,hwc->nc", h.astype(jnp.float32), basis)
        out = Dense(1 if y is None else self.embedding, use_bias=False, kernel_init=scaled())(h)
        if y is None:
            return out[:, 0]
        init = scaled(1 / math.sqrt(self.embedding))
        return jnp.sum(out * Condition(self.classes, self.embedding, init)(y), axis=1)


class GroupedConv(nn.Module):
    """Grouped convolution without bias, (N, H, W, C) -> (N, H', W', features), zero-padded."""

    features: int
    kernel: int
    groups: int
    padding: int
    kernel_init: Init

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Convolves each of `groups` groups of channels by itself."""
        shape = (self.kernel, self.kernel, x.shape[-1] // self.groups, self.features)
        kernel = self.param("kernel", self.kernel_init, shape).astype(x.dtype)
        return grouped_conv2d(x, kernel, groups=self.groups, padding=self.padding)


class Block(nn.Module):
    """A residual block, (N, H, W, C) -> (N, H, W, C), in a net of `depth` blocks in all."""

    cardinality: int
    expansion: int
    depth: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Adds the branch to x."""
        init, zeros = scaled(LEAK * self.depth**-0.25), nn.initializers.zeros
        inner = self.expansion * x.shape[-1]
        h = Conv(inner, 1, use_bias=False, kernel_init=init, name="expand")(x)
        h = self.activate(h, "bias1")
        h = GroupedConv(inner, 3, self.cardinality, padding=1, kernel_init=init, name="grouped")(h)
        h = self.activate(h, "bias2")
        return x + Conv(x.shape[-1], 1, use_bias=False, kernel_init=zeros, name="project")(h)

    def activate(self, h: Array, name: str) -> Array:
        """Adds a bias, then leaky_relu."""
        bias = self.param(name, nn.initializers.zeros, (h.shape[-1],))
        return leaky_relu(h + bias.astype(h.dtype))


def scaled(gain: float = 1.0) -> Init:
    """Returns an initializer N(0, gain^2 / fan_in); the fan-in of labels is their number."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


PLAIN = {"use_bias": False, "kernel_init": scaled()}
depthwise: Init = nn.initializers.normal(1 / 4)  # of 16 pixels each


def stage(net: Generator | Discriminator, i: int, h: Array) -> Array:
    """Applies the blocks of stage i, called in a net's @nn.compact method."""
    for j in range(net.blocks[i]):
        name = f"b{4 << i}_{j}"
        h = Block(net.cardinality[i], net.expansion, sum(net.blocks), name=name)(h)
    return h


def check(net: Generator | Discriminator, player: str) -> None:
    """Refuses images of another number of stages, and groups that do not divide a width."""
    at = f"config.game.{player}"
    check_square(net.shape, (4, 8, 16, 32, 64, 128, 256, 512, 1024), "r3gan")
    stages = net.shape[0].bit_length() - 2
    for name in ("widths", "cardinality", "blocks"):
        if len(found := getattr(net, name)) != stages:
            sizes = f"4 to {net.shape[0]} pixels" if stages > 1 else "4 pixels"
            raise UserError(f"{at}.{name}={found}: {stages} numbers, for stages of {sizes}")
    for width, groups in zip(net.widths, net.cardinality, strict=True):
        if net.expansion * width % groups:
            channels = f"{net.expansion} x {width} channels"
            raise UserError(f"{at}.cardinality: {groups} groups do not divide {channels}")
