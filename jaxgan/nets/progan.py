"""Progressive GAN's networks (Karras et al. 2018, appendix A): one parameter tree, all resolutions.

nets/layers/growing.py explains level, resolutions, channel_base, channel_max, dtype, remat. In the
paper channel_base is 16384 and channel_max 512.
"""

import math
from functools import partial

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Multiple, Width
from jaxgan.nets.layers.basic import compute_type, flatten, leaky_relu
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
from jaxgan.nets.layers.minibatch_std import MinibatchStd
from jaxgan.nets.layers.norms import PixelNorm
from jaxgan.nets.ops import upfirdn
from jaxgan.nets.ops.resize import downsample, upsample

GAIN = math.sqrt(2.0)  # of a layer that LeakyReLU follows


class Generator(nn.Module):
    """Latents (N, D) -> images (N, high, high, C), unbounded, about [-1, 1] once trained."""

    shape: tuple[int, int, int]
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
        (low, high), level = resolve(self.shape, level, resolutions)
        h, image = PixelNorm()(z), None
        for res in up_to(high):
            h = recomputed(self, partial(Generator._block, res=res), train)(h)
            if res >= low:
                rgb = EqualConv(self.shape[-1], 1, name=f"rgb{res}")(h).astype(jnp.float32)
                image = rgb if image is None else blend(upsample(image), rgb, share(level, res))
        return image

    def _block(self, h: Array, res: int) -> Array:
        """Maps the features of half a resolution, at 4 the latents, to its own (N, res, res, C)."""
        features = channels(self, res)
        if res == 4:
            dense = EqualDense(16 * features, use_bias=False, gain=GAIN / 4, name="dense")
            h = dense(h).reshape(-1, 4, 4, features)
            h += self.param("bias", nn.initializers.zeros, (features,))
            h = PixelNorm()(leaky_relu(h).astype(compute_type(self.dtype)))
        else:
            h = self._conv(h, features, f"conv{res}_0", up=True)
        return self._conv(h, features, f"conv{res}_1")

    def _conv(self, h: Array, features: int, name: str, up: bool = False) -> Array:
        conv = EqualConv(features, 3, padding=1, up=up, gain=GAIN, name=name)
        return PixelNorm()(leaky_relu(conv(h)))


class Discriminator(nn.Module):
    """Images (N, high, high, C) -> scores (N,).

    At 4x4 the standard deviation over groups of `group` images is appended as one channel.
    `filtered` low-passes features before they are halved, as StyleGAN does (Karras et al. 2019,
    section 2).
    """

    shape: tuple[int, int, int]
    channel_base: Width = 16384
    channel_max: Width = 512
    group: Multiple = 4
    filtered: bool = False
    dtype: str = "float32"
    remat: bool = False

    @nn.compact
    def __call__(
        self,
        x: Array,
        y: None = None,
        level: Array | float | None = None,
        resolutions: Resolutions | None = None,
        *,
        train: bool,
    ) -> Array:
        """Scores each image; y is ignored."""
        del y
        (low, high), level = resolve(self.shape, level, resolutions)
        h = self._from_rgb(x, high)
        for res in reversed(up_to(high)[1:]):
            h = recomputed(self, partial(Discriminator._halve, res=res), train)(h)
            if res > low:
                x = downsample(x)
                old = self._from_rgb(x, res // 2)
                h = blend(old, h, share(level, res).astype(h.dtype))
        h = MinibatchStd(self.group)(h.astype(jnp.float32))
        features = channels(self, 4)
        h = leaky_relu(EqualConv(features, 3, padding=1, gain=GAIN, name="conv4")(h))
        # The paper's 4x4 convolution without padding: the same numbers.
        h = leaky_relu(EqualDense(features, gain=GAIN, name="dense")(flatten(h)))
        return EqualDense(1, name="out")(h)[:, 0]

    def _from_rgb(self, x: Array, res: int) -> Array:
        conv = EqualConv(channels(self, res), 1, gain=GAIN, name=f"rgb{res}")
        return leaky_relu(conv(x.astype(compute_type(self.dtype))))

    def _halve(self, h: Array, res: int) -> Array:
        """Maps features (N, res, res, C) to (N, res / 2, res / 2, C')."""
        options = {"padding": 1, "gain": GAIN}
        h = leaky_relu(EqualConv(channels(self, res), 3, name=f"conv{res}_0", **options)(h))
        features, name = channels(self, res // 2), f"conv{res}_1"
        if self.filtered:
            return leaky_relu(EqualConv(features, 3, down=True, name=name, **options)(low_pass(h)))
        return downsample(leaky_relu(EqualConv(features, 3, name=name, **options)(h)))


def low_pass(x: Array) -> Array:
    """Filters (N, H, W, C) by [1, 2, 1] along both axes (Karras et al. 2019, section 2)."""
    return upfirdn.upfirdn2d(x, (1.0, 2.0, 1.0), padding=((1, 1), (1, 1)))
