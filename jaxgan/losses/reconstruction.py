"""Distances between images and their reconstructions."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Reconstruction(NamedTuple):
    """A distance: (images (N, ...), images (N, ...)) -> its mean over all elements."""

    distance: Callable[[Array, Array], Array]


def l1() -> Reconstruction:
    """Builds the mean absolute difference (Zhu et al. 2017, eq. 2)."""
    return Reconstruction(lambda x, y: jnp.abs(x - y).mean())


def l2() -> Reconstruction:
    """Builds the mean squared difference (Kim et al. 2017, section 3.1)."""
    return Reconstruction(lambda x, y: jnp.square(x - y).mean())
