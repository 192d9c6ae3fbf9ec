"""Latents of the style-based generators (Karras et al. 2019): z -> w, and what is done to w.

A synthesis takes a w of its own for each of its layers, ws[:, l]; layers of rising resolution.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.nets.layers.equalized import EqualDense
from jaxgan.nets.layers.modulated import activate
from jaxgan.nets.layers.norms import PixelNorm

Array = jax.Array


class Mapping(nn.Module):
    """Latent (N, D) or None, condition or None -> w (N, w_dim).

    z and the condition's embedding are each normalised to a mean square of 1, joined, and go
    through `layers` dense layers that learn `lr_mult` times as fast as the rest. y: labels (N,)
    of `classes` classes, or vectors (N, D).
    """

    w_dim: int = 512
    layers: int = 8
    lr_mult: float = 0.01
    classes: int = 0

    @nn.compact
    def __call__(self, z: Array | None, y: Array | None = None, *, train: bool) -> Array:
        """Maps each latent."""
        del train
        parts = [] if z is None else [PixelNorm()(z)]
        if y is not None:
            if jnp.issubdtype(y.dtype, jnp.integer):
                y = jax.nn.one_hot(y, self.classes)
            parts.append(PixelNorm()(EqualDense(self.w_dim, name="embed")(y)))
        h = jnp.concatenate(parts, axis=1)
        for i in range(self.layers):
            h = activate(EqualDense(self.w_dim, lr_mult=self.lr_mult, name=f"fc{i}")(h))
        return h


def style_layers(shape: tuple[int, ...]) -> int:
    """How many w the synthesis of an image takes: two for each resolution, but for the first."""
    return 2 * shape[0].bit_length() - 4


def spread(w: Array, layers: int) -> Array:
    """The same w for every layer: (N, w_dim) -> ws (N, layers, w_dim)."""
    return jnp.repeat(w[:, None], layers, axis=1)


def mix(first: Array, second: Array, cutoff: Array | int) -> Array:
    """Style mixing (2019, section 3.1): `first`'s ws for layers below `cutoff`, then `second`'s."""
    return jnp.where(jnp.arange(first.shape[1])[:, None] < cutoff, first, second)


def cutoff(k_cut: Array, k_coin: Array, layers: int, probability: float) -> Array:
    """Where a batch's styles mix: 1 to layers - 1; with 1 - `probability` `layers`, not at all."""
    cut = jax.random.randint(k_cut, (), 1, layers)
    return jnp.where(jax.random.uniform(k_coin) < probability, cut, layers)


def mixed(
    draw: Callable[[Array], Array], shape: tuple[int, ...], probability: float, key: Array
) -> tuple[Array, Array]:
    """Styles of a batch in training: two draws, mixed with a `probability` at a random layer.

    Args:
      draw: key -> w (N, w_dim).
      shape: the image's.

    Returns:
      ws (N, layers, w_dim), and the first draw's w.
    """
    k_first, k_second, k_cut, k_coin = jax.random.split(key, 4)
    first, second = draw(k_first), draw(k_second)
    ws, others = (spread(w, style_layers(shape)) for w in (first, second))
    return mix(ws, others, cutoff(k_cut, k_coin, ws.shape[1], probability)), first


def truncate(ws: Array, w_avg: Array, psi: Array | float, cutoff: int | None = None) -> Array:
    """w_avg + psi (w - w_avg) in the layers below `cutoff`, None for all (2019, appendix B).

    ws (N, layers, w_dim), w_avg (w_dim,). psi = 1 changes nothing, psi = 0 leaves w_avg.
    """
    near = psi * ws + (1 - psi) * w_avg
    return near if cutoff is None else mix(near, ws, cutoff)


def average(w_avg: Array, w: Array, beta: float = 0.995) -> Array:
    """The running mean of w, (w_dim,), after a batch w (N, w_dim); it starts at 0."""
    return beta * w_avg + (1 - beta) * jax.lax.stop_gradient(w).mean(axis=0)
