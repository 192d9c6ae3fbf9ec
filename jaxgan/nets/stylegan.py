"""StyleGAN's generator (Karras et al. 2019): styles set each channel's mean and size by AdaIN.

A mapping z -> w (nets/latents.py), and a synthesis that starts from a learned constant and takes a
w of its own for each of its layers, two to a resolution. It grows: level, span, channel_base,
channel_max and dtype are explained in nets/growing.py. The critic is progan.Discriminator with
`filtered`.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.growing import Span, blend, channels, compute_type, reached, share, up_to
from jaxgan.nets.layers.basic import leaky_relu
from jaxgan.nets.layers.equalized import EqualConv, EqualDense
from jaxgan.nets.layers.norms import AdaIN
from jaxgan.nets.mapping import Mapping, spread, style_layers
from jaxgan.nets.ops.resize import upsample
from jaxgan.nets.progan import GAIN, low_pass

Array = jax.Array


class Synthesis(nn.Module):
    """ws (N, layers, w_dim) -> images (N, high, high, C), about [-1, 1] once trained, not bounded.

    `layers` is two for each resolution up to high. In training each layer's noise is drawn from the
    stream `noise`, else it is what the layer was given at first, kept among the statistics.
    """

    shape: tuple[int, int, int]
    channel_base: int = 16384
    channel_max: int = 512
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        ws: Array,
        level: Array | float | None = None,
        span: Span | None = None,
        *,
        train: bool,
    ) -> Array:
        """Draws one image for each row of ws."""
        (low, high), level = reached(self.shape, level, span)
        if ws.shape[1] != style_layers((high,)):
            raise ValueError(f"want {style_layers((high,))} layers of w, got ws {ws.shape}")
        h = image = None
        for i, res in enumerate(up_to(high)):
            features = channels(self, res)
            if res == 4:
                const = self.param("const", nn.initializers.ones, (4, 4, features))
                h = jnp.broadcast_to(const, (len(ws), *const.shape)).astype(
                    compute_type(self.dtype)
                )
            else:
                h = low_pass(_conv(features, f"conv{res}_0", up=True)(h))
            h = Epilogue(name=f"layer{res}_0")(h, ws[:, 2 * i], train)
            h = _conv(features, f"conv{res}_1")(h)
            h = Epilogue(name=f"layer{res}_1")(h, ws[:, 2 * i + 1], train)
            if res >= low:
                rgb = EqualConv(self.shape[-1], 1, name=f"rgb{res}")(h).astype(jnp.float32)
                image = rgb if image is None else blend(upsample(image), rgb, share(level, res))
        return image


def _conv(features: int, name: str, up: bool = False) -> EqualConv:
    return EqualConv(features, 3, padding=1, up=up, use_bias=False, gain=GAIN, name=name)


class Epilogue(nn.Module):
    """What follows a convolution: noise, bias, leaky rectifier, AdaIN; (N, H, W, C) -> the same."""

    @nn.compact
    def __call__(self, x: Array, w: Array, train: bool) -> Array:
        """Noise is one image for all channels, each of which learns its strength, 0 at first."""

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

    For a game that needs only that. One that mixes styles takes `split`.
    """

    shape: tuple[int, int, int]
    w_dim: int = 512
    layers: int = 8
    lr_mult: float = 0.01
    channel_base: int = 16384
    channel_max: int = 512
    dtype: str = "float32"

    @nn.compact
    def __call__(
        self,
        z: Array,
        y: None = None,
        level: Array | float | None = None,
        span: Span | None = None,
        *,
        train: bool,
    ) -> Array:
        """Draws one image per latent; y: not seen."""
        del y
        mapping, synthesis = split(self)
        (_, high), _ = reached(self.shape, level, span)
        return synthesis(
            spread(mapping(z, train=train), style_layers((high,))), level, span, train=train
        )


def exact(g: Generator) -> Generator:
    """The same generator computed in float32 throughout."""
    return g.clone(dtype="float32")


def split(g: Generator) -> tuple[Mapping, Synthesis]:
    """A generator's two nets; their parameters are g's own under `mapping` and `synthesis`."""
    mapping = Mapping(g.w_dim, g.layers, g.lr_mult, name="mapping")
    synthesis = Synthesis(g.shape, g.channel_base, g.channel_max, g.dtype, name="synthesis")
    return mapping, synthesis
