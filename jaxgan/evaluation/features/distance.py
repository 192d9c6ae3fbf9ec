"""A perceptual distance of images by a network's feature maps, for path lengths."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.evaluation.features import efficientnet
from jaxgan.evaluation.features.efficientnet import Params


def perceptual(params: Params, a: Array, b: Array) -> Array:
    """Computes a perceptual distance (N,) of images a and b as `network.rgb` takes them.

    LPIPS' form (Zhang et al. 2018, equation 1) without its learned weights and on another net: the
    feature maps of five resolutions, each pixel's vector normalized; the squared difference, summed
    over channels, averaged over pixels, summed over maps. Not the published LPIPS, and not on its
    scale.
    """
    _, maps = efficientnet.apply(params, efficientnet.prepare(jnp.concatenate([a, b])))
    total = jnp.zeros(len(a))
    for x in maps:
        unit = x * jax.lax.rsqrt(jnp.sum(x**2, axis=-1, keepdims=True) + 1e-10)
        total += jnp.mean(jnp.sum((unit[: len(a)] - unit[len(a) :]) ** 2, axis=-1), axis=(1, 2))
    return total
