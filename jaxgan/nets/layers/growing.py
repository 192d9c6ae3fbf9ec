"""What growing nets share with their games: levels, resolutions, and blending two of them.

A net is called for a pair of `resolutions` (low, high) and a `level`, log2 of the resolution
reached. Images are (N, high, high, C). Between low and high the net blends what each resolution
shows with what the next one adds, by how far the level has come: 3.25 is 8 pixels and a quarter of
the way to 16. A stage of training calls `for_stage` (res / 2, res) and pays for no more; the pair
from `for_all_stages` serves any step in one graph. Without either, the net is fully grown.

A feature map of r x r has min(channel_base / r, channel_max) channels. `dtype` bfloat16 computes
convolutions in that type, see nets/layers/basic.py. `remat` keeps, in training, only the features
between resolutions for the gradient, and computes those inside again: less memory, more time.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from jaxgan.core.growth import SIZES, Growth, Stage
from jaxgan.core.shapes import check_square
from jaxgan.nets.ops.resize import downsample, upsample

Resolutions = tuple[int, int]


def alpha(stage: Stage, step: Array | int) -> Array:
    """Computes `stage.alpha` at a step that may be traced; 0 before the stage."""
    if not stage.fade:
        return jnp.float32(step >= stage.start)
    return jnp.clip((step - stage.start) / stage.fade, 0.0, 1.0).astype(jnp.float32)


def for_stage(stage: Stage, step: Array | int) -> tuple[Array, Resolutions]:
    """Returns the level at a step of a stage, and the stage's two resolutions."""
    low = stage.res // 2 if stage.fade else stage.res
    return stage.res.bit_length() - 2 + alpha(stage, step), (low, stage.res)


def for_all_stages(growth: Growth, step: Array | int) -> tuple[Array, Resolutions]:
    """Returns the level at any step, and the first and last resolutions of all stages."""
    first, *later = growth.stages
    level = first.res.bit_length() - 1 + sum((alpha(s, step) for s in later), jnp.float32(0))
    return level, (first.res, growth.stages[-1].res)


def reals(images: Array, stage: Stage, step: Array | int) -> Array:
    """Returns real images as a stage sees them: averaged down, and faded in.

    While a resolution fades in, real images are blended with their own lower resolution, as fake
    images are: else d would tell the two apart by sharpness (Karras et al. 2018, figure 2).

    Args:
      images: (N, H, W, C) at the data's resolution.
      stage: the stage in training.
      step: of training, possibly traced.

    Returns:
      (N, res, res, C), `res` the stage's.
    """
    while images.shape[1] > stage.res:
        images = downsample(images)
    if not stage.fade:
        return images
    return blend(upsample(downsample(images)), images, alpha(stage, step))


def blend(old: Array, new: Array, share: Array | float) -> Array:
    """Computes (1 - share) old + share new: exactly one of them at 0 and at 1."""
    return (1 - share) * old + share * new


def resolve(
    shape: tuple[int, ...], level: Array | float | None, resolutions: Resolutions | None
) -> tuple[Resolutions, Array]:
    """Returns a call's resolutions and level, None standing for those of the fully grown net.

    Raises:
      UserError: data that are not square images of 4 to 1024 pixels, a power of two.
    """
    check_square(shape, SIZES, "a growing net")
    full = shape[0]
    level = math.log2(full) if level is None else level
    return resolutions or (full, full), jnp.asarray(level, jnp.float32)


def up_to(high: int) -> list[int]:
    """Returns 4, 8, 16 and so on, up to `high`."""
    return [res for res in SIZES if res <= high]


def share(level: Array, res: int) -> Array:
    """Computes how far a resolution has faded in at a level, in [0, 1]."""
    return jnp.clip(level - (res.bit_length() - 2), 0.0, 1.0)


def recomputed(
    net: nn.Module, run: Callable[..., Array | tuple[Array, ...]], train: bool
) -> Callable[..., Any]:
    """Returns run(net, *arrays), of whose inside a gradient keeps nothing where `net.remat`.

    Values and gradients are the same. `run` adds layers to the net that it is given.
    """
    return functools.partial(nn.remat(run) if net.remat and train else run, net)


def channels(net: nn.Module, res: int) -> int:
    """Returns the channels of the net's feature maps at a resolution."""
    return max(1, min(net.channel_base // res, net.channel_max))
