"""StyleGAN's generator (Karras et al. 2019): styles set each channel's mean and scale by AdaIN.

A mapping z -> w (nets/mapping.py), and a synthesis that starts from a learned constant and takes
one w per layer, two layers per resolution. It grows: nets/layers/growing.py explains level,
resolutions, channel_base, channel_max, dtype and remat. The critic is progan.Discriminator with
`filtered`.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Scale, Width
from jaxgan.nets.layers.basic import compute_type, leaky_relu
from jaxgan.nets.layers.equalized import EqualConv, EqualDense
from jaxgan.nets.layers.growing import (
    Resolutions,
    blend,
    channels,
    recomputed,
    resolve,
    share,
    up_to,
)
from jaxgan.nets.layers.norms import AdaIN
from jaxgan.nets.mapping import Mapping, spread, style_layers
from jaxgan.nets.ops.resize import upsample
from jaxgan.nets.progan import GAIN, low_pass


class Synthesis(nn.Module):
    """ws (N, layers, w_dim) -> images (N, high, high, C), unbounded, about [-1, 1] once trained.

    `layers` is two per resolution up to `high`. In training each layer's noise is drawn from the
    random stream `noise`; otherwise it is the constant drawn at initialization, kept among the
    statistics.
    """

    shape: tuple[int, int, int]
    channel_base: Width = 16384
    channel_max: Width = 512
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self,
        ws: Array,
        level: Array | float | None = None,
        resolutions: Resolutions | None = None,
        *,
        train: bool,
    ) -> Array:
        """Generates one image for each row of ws."""
        (low, high), level = resolve(self.shape, level, resolutions)
        if ws.shape[1] != style_layers((high,)):
            raise ValueError(f"want {style_layers((high,))} layers of w, got ws {ws.shape}")
        h = image = None
        for i, res in enumerate(up_to(high)):
            block = partial(Synthesis._block, res=res, train=train)
            h = recomputed(self, block, train)(h, ws[:, 2 * i], ws[:, 2 * i + 1])
            if res >= low:
                rgb = EqualConv(self.shape[-1], 1, name=f"rgb{res}")(h).astype(jnp.float32)
                image = rgb if image is None else blend(upsample(image), rgb, share(level, res))
        return image

    def _block(self, h: Array | None, w0: Array, w1: Array, res: int, train: bool) -> Array:
        """Maps the features of half a resolution, at 4 none, to its own; a style for each layer."""
        features = channels(self, res)
        if res == 4:
            const = self.param("const", nn.initializers.ones, (4, 4, features))
            h = jnp.broadcast_to(const, (w0.shape[0], *const.shape))
            h = h.astype(compute_type(self.dtype))
        else:
            h = low_pass(_conv(features, f"conv{res}_0", up=True)(h))
        h = Epilogue(name=f"layer{res}_0")(h, w0, train)
        h = _conv(features, f"conv{res}_1")(h)
        return Epilogue(name=f"layer{res}_1")(h, w1, train)


def _conv(features: int, name: str, up: bool = False) -> EqualConv:
    return EqualConv(features, 3, padding=1, up=up, use_bias=False, gain=GAIN, name=name)


class Epilogue(nn.Module):
    """What follows a convolution: noise, bias, LeakyReLU, AdaIN; keeps the shape (N, H, W, C)."""

    @nn.compact
    def __call__(self, x: Array, w: Array, train: bool) -> Array:
        """Adds one noise image to all channels, each with a learned strength that starts at 0."""

        def start() -> Array:
            return jax.random.normal(self.make_rng("params"), x.shape[1:3])

        noise = self.variable("noise", "const", start).value[..., None]
        if train:
            noise = jax.random.normal(self.make_rng("noise"), (*x.shape[:3], 1))
        strength = self.param("strength", nn.initializers.zeros, (x.shape[-1],))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        h = leaky_relu(x.astype(jnp.float32) + noise * strength + bias)
        return AdaIN(EqualDense, 1e-8, name="style")(h, w).astype(x.dtype)


class Generator(nn.Module):
    """Latents (N, D) -> images (N, high, high, C): mapping, then synthesis.

    For games that need only that; those that mix styles call `split`.
    """

    shape: tuple[int, int, int]
    w_dim: Width = 512
    layers: Depth = 8
    lr_mult: Scale = 0.01
    channel_base: Width = 16384
    channel_max: Width = 512
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self,
        z: Array,
        y: None = None,
        level: Array | float | None = None,
        resolutions: Resolutions | None = None,
        *,
        train: bool,
    ) -> Array:
        """Generates one image per latent; y is ignored."""
        del y
        mapping, synthesis = split(self)
        (_, high), _ = resolve(self.shape, level, resolutions)
        ws = spread(mapping(z, train=train), style_layers((high,)))
        return synthesis(ws, level, resolutions, train=train)


def exact(g: Generator) -> Generator:
    """Returns the same generator computed in float32 throughout."""
    return g.clone(dtype="float32")


def split(g: Generator) -> tuple[Mapping, Synthesis]:
    """Returns a generator's two nets; their parameters are g's under `mapping` and `synthesis`."""
    mapping = Mapping(g.w_dim, g.layers, g.lr_mult, name="mapping")
    synthesis = Synthesis(
        g.shape, g.channel_base, g.channel_max, g.dtype, g.remat, name="synthesis"
    )
    return mapping, synthesis
