"""The pipe "bgc" with cutout, of a strength that a config sets, by a schedule or for good.

As augmentation in R3GAN (Huang et al. 2024): adaptive augmentation's transforms (ada.py), those of
color less often, then a box of gray, at a p that rises with the images seen.
"""

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.augment import ada
from jaxgan.augment.diffaugment import Augment
from jaxgan.config.kinds import Probability


def bgc_pipe(*, p: Probability, color: Probability = 1.0, cutout: Probability = 0.0) -> Augment:
    """Builds an augmentation whose every transform changes an image with probability p.

    Args:
      p: of each geometric transform; at 0 images stay the same to the bit.
      color: p is multiplied by it for the transforms of color.
      cutout: p is multiplied by it for a box of gray, half as wide and high as the image.
    """

    def augment(key: Array, x: Array) -> Array:
        k_warp, k_color, k_cut = jax.random.split(key, 3)
        chance = jnp.asarray(p, jnp.float32)
        x = ada.random_warp(k_warp, x, chance)
        x = ada.recolor(x, ada.draw_color_maps(k_color, len(x), chance * color))
        return cut_out(k_cut, x, chance * cutout)

    return augment


def cut_out(key: Array, x: Array, p: Array, size: float = 0.5) -> Array:
    """Sets a box of `size` of the sides to 0 with probability p, its center anywhere in the image.

    A pixel is in the box where its center is (stylegan2-ada-pytorch, training/augment.py).
    """
    n, height, width, _ = x.shape
    k_which, k_center = jax.random.split(key)
    chosen = jax.random.uniform(k_which, (n, 1, 1)) < p
    center = jax.random.uniform(k_center, (2, n, 1))
    rows, columns = (
        jnp.abs((jnp.arange(side) + 0.5) / side - at) < size / 2
        for side, at in zip((height, width), center, strict=True)
    )
    box = chosen & rows[:, :, None] & columns[:, None, :]
    return jnp.where(box[..., None], 0, x)
