"""StyleGAN2's networks (Karras et al. 2020a), as in StyleGAN2-ADA's code (2020b).

A mapping z -> w (nets/mapping.py), a synthesis ws -> image whose layer l takes ws[:, l], and a
discriminator. Resolutions are 8 to 1024 pixels; a feature map of r x r has
min(channel_base / r, channel_max) channels.

`architecture` is how images connect to the features (2020a, figure 7): 'orig' at the ends only,
'skip' by an image at each resolution, 'resnet' by residual blocks. `clamp` bounds the output of
each convolution (256 in the authors' mixed precision), 0 for no bound. `bfloat16` is the number of
resolutions, from the largest down, whose features are computed in that type; parameters are always
float32. `remat` keeps, in training, only what lies between resolutions for the gradient, and
computes the inside of each again: less memory, more time.

Submodules are named as in the authors' files, which jaxgan.weights.published.stylegan2_ada relies
on.
"""

import math
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import (
    Depth,
    Finite,
    Multiple,
    NonNegative,
    Scale,
    Whole,
    Width,
    WidthOrNone,
)
from jaxgan.core.shapes import check_square
from jaxgan.nets.layers.basic import flatten
from jaxgan.nets.layers.equalized import EqualConv, EqualDense
from jaxgan.nets.layers.growing import recomputed
from jaxgan.nets.layers.minibatch_std import MinibatchStd
from jaxgan.nets.layers.modulated import StyleLayer, ToRGB, activate, normal
from jaxgan.nets.mapping import Mapping, spread, style_layers
from jaxgan.nets.ops import upfirdn
from jaxgan.runtime.errors import UserError


class Synthesis(nn.Module):
    """ws (N, layers, w_dim) -> images (N, *shape), unbounded, about [-1, 1] once trained.

    noise: 'random' draws each layer's noise from the random stream `noise`, 'constant' takes the
    noise drawn at initialization (kept among the statistics as `noise`), 'none' adds none.
    """

    shape: tuple[int, int, int]
    channel_base: Width = 32768
    channel_max: Width = 512
    architecture: str = "skip"
    clamp: NonNegative = 0.0
    bfloat16: Whole = 0
    taps: tuple[Finite, ...] = upfirdn.FILTER
    remat: bool = False

    @nn.compact
    def __call__(self, ws: Array, noise: str | None = None, *, train: bool) -> Array:
        """Generates images; `noise` None is 'random' in training, else 'constant'."""
        _check(self, "g")
        noise = noise or ("random" if train else "constant")
        if noise not in ("random", "constant", "none"):
            raise UserError(f"noise={noise!r}: 'random', 'constant' or 'none'")
        if ws.shape[1] != style_layers(self.shape):
            raise ValueError(f"want {style_layers(self.shape)} layers of w, got ws {ws.shape}")
        h = image = None
        for i, size in enumerate(_sizes(self.shape)):
            # A block's ToRGB shares its w with the next block's first layer.
            start = max(2 * i - 1, 0)
            block = recomputed(self, partial(Synthesis._block, size=size, noise=noise), train)
            h, image = block(h, image, ws[:, start : start + 3])
        return image

    def _block(
        self, h: Array | None, image: Array | None, ws: Array, size: int, noise: str
    ) -> tuple[Array, Array | None]:
        block = _SynthesisBlock(
            features=_channels(self, size),
            image_channels=self.shape[-1],
            last=size == self.shape[0],
            architecture=self.architecture,
            clamp=self.clamp,
            dtype=_dtype(self, size),
            taps=self.taps,
            name=f"b{size}",
        )
        return block(h, image, ws, noise)


class Generator(nn.Module):
    """Latent (N, latent), condition or None -> images (N, *shape): mapping, then synthesis.

    For games that need only that; those that mix styles or measure path lengths call `split`.
    """

    shape: tuple[int, int, int]
    w_dim: Width = 512
    layers: Depth = 8
    lr_mult: Scale = 0.01
    channel_base: Width = 32768
    channel_max: Width = 512
    architecture: str = "skip"
    clamp: NonNegative = 0.0
    bfloat16: Whole = 0
    taps: tuple[Finite, ...] = upfirdn.FILTER
    remat: bool = False
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array, y: Array | None = None, *, train: bool) -> Array:
        """Generates one image per latent."""
        mapping, synthesis = split(self)
        ws = spread(mapping(z, y, train=train), style_layers(self.shape))
        return synthesis(ws, train=train)


def exact(g: Generator) -> Generator:
    """Returns the same generator computed in float32 throughout."""
    return g.clone(bfloat16=0)


def split(g: Generator) -> tuple[Mapping, Synthesis]:
    """Returns a generator's two nets; their parameters are g's under `mapping` and `synthesis`."""
    mapping = Mapping(g.w_dim, g.layers, g.lr_mult, g.classes, name="mapping")
    synthesis = Synthesis(
        g.shape, g.channel_base, g.channel_max, g.architecture, g.clamp, g.bfloat16, g.taps,
        g.remat, name="synthesis",
    )  # fmt: skip
    return mapping, synthesis


class Discriminator(nn.Module):
    """Images (N, *shape), condition or None -> logits (N,).

    Halves down to 4x4; there the standard deviation over groups of `group` images is appended as
    `std_channels` channels (0 for none). A condition is mapped by `layers` dense layers to `cmap`
    features (0: as many as the 4x4 map has), whose inner product with the last features is the
    logit.
    """

    shape: tuple[int, int, int]
    channel_base: Width = 32768
    channel_max: Width = 512
    architecture: str = "resnet"
    group: Multiple = 4
    std_channels: WidthOrNone = 1
    cmap: WidthOrNone = 0
    layers: Depth = 8
    clamp: NonNegative = 0.0
    bfloat16: Whole = 0
    taps: tuple[Finite, ...] = upfirdn.FILTER
    remat: bool = False
    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, y: Array | None = None, *, train: bool) -> Array:
        """Scores each image."""
        _check(self, "d")
        image, h = x, None
        for size in reversed(_sizes(self.shape)[1:]):
            block = recomputed(self, partial(Discriminator._block, size=size), train)
            h, image = block(h, image)
        features = _channels(self, 4)
        cmap = 0 if y is None else self.cmap or features
        epilogue = _Epilogue(features, cmap, self.group, self.std_channels, self.clamp, name="b4")
        out = epilogue(h.astype(jnp.float32), image)
        if y is None:
            return out[:, 0]
        mapped = Mapping(cmap, self.layers, classes=self.classes, name="mapping")(
            None, y, train=train
        )
        return jnp.sum(out * mapped, axis=1) / math.sqrt(cmap)

    def _block(self, h: Array | None, image: Array | None, size: int) -> tuple[Array, Array | None]:
        block = _DiscriminatorBlock(
            features=(_channels(self, size), _channels(self, size // 2)),
            architecture=self.architecture,
            clamp=self.clamp,
            dtype=_dtype(self, size),
            taps=self.taps,
            name=f"b{size}",
        )
        return block(h, image)


class _SynthesisBlock(nn.Module):
    """One resolution: doubles features and image; without features, starts from a 4x4 constant."""

    features: int
    image_channels: int
    last: bool
    architecture: str
    clamp: float
    dtype: jnp.dtype
    taps: tuple[float, ...]

    @nn.compact
    def __call__(
        self, x: Array | None, image: Array | None, ws: Array, noise: str
    ) -> tuple[Array, Array | None]:
        options = {"clamp": self.clamp, "taps": self.taps}
        conv1 = StyleLayer(self.features, up=False, name="conv1", **options)
        if x is None:
            const = self.param("const", normal, (4, 4, self.features)).astype(self.dtype)
            h = conv1(jnp.broadcast_to(const, (ws.shape[0], *const.shape)), ws[:, 0], noise)
            w_rgb = ws[:, 1]
        else:
            x, residual = x.astype(self.dtype), self.architecture == "resnet"
            h = StyleLayer(self.features, up=True, name="conv0", **options)(x, ws[:, 0], noise)
            h = conv1(h, ws[:, 1], noise, gain=math.sqrt(0.5) if residual else 1.0)
            if residual:
                skip = EqualConv(self.features, 1, use_bias=False, name="skip")(x)
                h += upfirdn.upsample(skip, self.taps) * math.sqrt(0.5)
            w_rgb = ws[:, 2]
        if image is not None:
            image = upfirdn.upsample(image, self.taps)
        if self.last or self.architecture == "skip":
            # Images accumulate in float32: each is a small correction to the sum of those before.
            rgb = ToRGB(self.image_channels, self.clamp, name="torgb")(h, w_rgb).astype(jnp.float32)
            image = rgb if image is None else image + rgb
        return h, image


class _DiscriminatorBlock(nn.Module):
    """One resolution: halves features and image; the image is None where no longer needed."""

    features: tuple[int, int]
    architecture: str
    clamp: float
    dtype: jnp.dtype
    taps: tuple[float, ...]

    @nn.compact
    def __call__(self, x: Array | None, image: Array | None) -> tuple[Array, Array | None]:
        width, features = self.features
        skip, residual = (self.architecture == name for name in ("skip", "resnet"))
        h = None if x is None else x.astype(self.dtype)
        if x is None or skip:
            rgb = EqualConv(width, 1, name="fromrgb")(image.astype(self.dtype))
            rgb = activate(rgb, clamp=self.clamp)
            h = rgb if h is None else h + rgb
            image = upfirdn.downsample(image, self.taps) if skip else None
        entry, gain = h, math.sqrt(0.5) if residual else 1.0
        h = activate(EqualConv(width, 3, padding=1, name="conv0")(h), clamp=self.clamp)
        pads = (1 + (len(self.taps) - 1) // 2, 1 + (len(self.taps) - 2) // 2)
        h = upfirdn.upfirdn2d(h, self.taps, padding=(pads, pads))
        h = EqualConv(features, 3, stride=2, name="conv1")(h)
        h = activate(h, gain, self.clamp)
        if residual:
            entry = EqualConv(features, 1, use_bias=False, name="skip")(
                upfirdn.downsample(entry, self.taps)
            )
            h += entry * gain
        return h, image


class _Epilogue(nn.Module):
    """The discriminator's head: features (N, 4, 4, C), image or None -> (N, 1), or (N, cmap)."""

    features: int
    cmap: int
    group: int
    std_channels: int
    clamp: float

    @nn.compact
    def __call__(self, x: Array, image: Array | None) -> Array:
        if image is not None:
            x += activate(EqualConv(self.features, 1, name="fromrgb")(image))
        if self.std_channels:
            x = MinibatchStd(self.group, self.std_channels)(x)
        h = EqualConv(self.features, 3, padding=1, name="conv")(x)
        h = flatten(activate(h, clamp=self.clamp))
        h = activate(EqualDense(self.features, name="fc")(h))
        return EqualDense(self.cmap or 1, name="out")(h)


def _check(net: Synthesis | Discriminator, player: str) -> None:
    check_square(net.shape, (8, 16, 32, 64, 128, 256, 512, 1024), "stylegan2")
    if net.architecture not in ("orig", "skip", "resnet"):
        raise UserError(
            f"config.game.{player}.architecture={net.architecture!r}: 'orig', 'skip' or 'resnet'"
        )


def _sizes(shape: tuple[int, ...]) -> list[int]:
    """Returns 4, 8, 16 and so on, up to the image's size."""
    return [4 << i for i in range(shape[0].bit_length() - 2)]


def _channels(net: Synthesis | Discriminator, size: int) -> int:
    return max(1, min(net.channel_base // size, net.channel_max))


def _dtype(net: Synthesis | Discriminator, size: int) -> jnp.dtype:
    """Returns bfloat16 for the largest `net.bfloat16` resolutions, but never for 4x4."""
    half = size >= 8 and size << net.bfloat16 > net.shape[0]
    return jnp.bfloat16 if half else jnp.float32
