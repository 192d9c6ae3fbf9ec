"""Batches as they reach a critic: dequantized, and two in turn."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.core.game import Spec
from jaxgan.games.common.build import AT
from jaxgan.runtime.errors import UserError


def interleaved(pair: list[Any]) -> Any:
    """Rows (N, ...) of both in turn, (2 N, ...): so what is split over devices stays there."""
    if pair[0] is None:
        return None
    return jnp.stack(pair, axis=1).reshape(-1, *pair[0].shape[1:])


def of_images(dequantize: bool, spec: Spec) -> bool:
    """Returns config.game.dequantize.

    Raises:
      UserError: the data are no images.
    """
    if dequantize and len(spec.shape) != 3:
        raise UserError(f"{AT}.dequantize adds noise to gray levels: the data are no images")
    return dequantize


def dequantized(x: Array, key: Array) -> Array:
    """Levels 0 to 255, given as level / 127.5 - 1, as (level + U(0, 1)) / 128 - 1, in [-1, 1].

    So real images are all of [-1, 1], and nothing that a generator's tanh cannot make
    (pfnet-research/sngan_projection, datasets/cifar10.py; igul222/improved_wgan_training,
    gan_cifar_resnet.py).
    """
    level = jnp.round((x + 1) * 127.5)
    return (level + jax.random.uniform(key, x.shape)) / 128 - 1
