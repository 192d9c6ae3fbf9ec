"""Differentiable augmentations, applied alike to real images and fake images inside the loss."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.registry import nearest
from jaxgan.runtime.errors import UserError

Augment = Callable[[Array, Array], Array]


def none() -> Augment:
    """Returns an augmentation that leaves images as they are."""
    return lambda key, x: x


def diff_augment(*, policy: Sequence[str] = ("color", "translation", "cutout")) -> Augment:
    """Builds DiffAugment (Zhao et al. 2020, section 3): the named transforms, drawn per image.

    Args:
      policy: names among `color`, `translation` and `cutout`, applied in order.

    Raises:
      UserError: the policy names an unknown transform.
    """
    known = {"color": color, "translation": translation, "cutout": cutout}
    for name in policy:
        if name not in known:
            raise UserError(f"config.game.augment.policy: no {name!r}{nearest(name, known)}")

    def augment(key: Array, x: Array) -> Array:
        for name, k in zip(policy, jax.random.split(key, len(policy)), strict=True):
            x = known[name](k, x)
        return x

    return augment


def color(key: Array, x: Array) -> Array:
    """Jitters the colors of images (N, H, W, C).

    Adds U(-0.5, 0.5) to the brightness, then scales saturation by U(0, 2), contrast by U(0.5, 1.5).
    """
    brightness, saturation, contrast = jax.random.uniform(key, (3, len(x), 1, 1, 1), x.dtype)
    x = x + (brightness - 0.5)
    mean = x.mean(axis=3, keepdims=True)
    x = (x - mean) * (2 * saturation) + mean if x.shape[-1] > 1 else x
    mean = x.mean(axis=(1, 2, 3), keepdims=True)
    return (x - mean) * (contrast + 0.5) + mean


def translation(key: Array, x: Array, ratio: float = 0.125) -> Array:
    """Shifts each image by up to `ratio` of its size along each axis, zero-padded."""
    n, height, width, _ = x.shape
    max_y, max_x = int(height * ratio + 0.5), int(width * ratio + 0.5)
    k_y, k_x = jax.random.split(key)
    dy = jax.random.randint(k_y, (n, 1), -max_y, max_y + 1)
    dx = jax.random.randint(k_x, (n, 1), -max_x, max_x + 1)
    # One-hot products, not gathers: their gradient is a product too, on every platform. Exact ones:
    # a pixel that is only moved must not be rounded to bfloat16.
    rows = jax.nn.one_hot(jnp.arange(height) + dy, height, dtype=x.dtype)
    columns = jax.nn.one_hot(jnp.arange(width) + dx, width, dtype=x.dtype)
    return jnp.einsum("nyh,nhwc,nxw->nyxc", rows, x, columns, precision="highest")


def cutout(key: Array, x: Array, ratio: float = 0.5) -> Array:
    """Zeroes a box of `ratio` of the sides, centered anywhere in each image, cut at its edges."""
    n, height, width, _ = x.shape
    k_y, k_x = jax.random.split(key)
    size_y, size_x = int(height * ratio + 0.5), int(width * ratio + 0.5)
    top = jax.random.randint(k_y, (n, 1), 0, height + 1 - size_y % 2) - size_y // 2
    left = jax.random.randint(k_x, (n, 1), 0, width + 1 - size_x % 2) - size_x // 2
    in_rows = (jnp.arange(height) >= top) & (jnp.arange(height) < top + size_y)
    in_columns = (jnp.arange(width) >= left) & (jnp.arange(width) < left + size_x)
    hole = in_rows[:, :, None, None] & in_columns[:, None, :, None]
    return jnp.where(hole, 0, x)
