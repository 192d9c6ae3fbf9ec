"""The mapping z -> w of style-based generators (Karras et al. 2019), mixing and truncation of w.

A synthesis takes one w per layer, ws[:, l], its layers ordered by rising resolution.
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.nets.layers.equalized import EqualDense
from jaxgan.nets.layers.modulated import activate
from jaxgan.nets.layers.norms import PixelNorm


class Mapping(nn.Module):
    """Latent (N, D) or None, condition or None -> w (N, w_dim).

    z and the condition's embedding are each normalized to a mean square of 1, concatenated, and
    mapped by `layers` dense layers that learn `lr_mult` times as fast as the rest. y: labels (N,)
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
        inputs = [] if z is None else [PixelNorm()(z)]
        if y is not None:
            if jnp.issubdtype(y.dtype, jnp.integer):
                y = jax.nn.one_hot(y, self.classes)
            inputs.append(PixelNorm()(EqualDense(self.w_dim, name="embed")(y)))
        h = jnp.concatenate(inputs, axis=1)
        for i in range(self.layers):
            h = activate(EqualDense(self.w_dim, lr_mult=self.lr_mult, name=f"fc{i}")(h))
        return h


def style_layers(shape: tuple[int, ...]) -> int:
    """Returns how many w the synthesis of an image takes: two per resolution, from 4x4 on."""
    return 2 * shape[0].bit_length() - 4


def spread(w: Array, layers: int) -> Array:
    """Repeats w for every layer: (N, w_dim) -> ws (N, layers, w_dim)."""
    return jnp.repeat(w[:, None], layers, axis=1)


def mix(first: Array, second: Array, cutoff: Array | int) -> Array:
    """Mixes styles (2019, section 3.1): `first`'s ws in layers below `cutoff`, then `second`'s."""
    return jnp.where(jnp.arange(first.shape[1])[:, None] < cutoff, first, second)


def cutoff(k_cut: Array, k_coin: Array, layers: int, probability: float) -> Array:
    """Draws a batch's cutoff: 1 to layers - 1 with `probability`, else `layers`, for no mixing."""
    cut = jax.random.randint(k_cut, (), 1, layers)
    return jnp.where(jax.random.uniform(k_coin) < probability, cut, layers)


def mixed(
    draw: Callable[[Array], Array], shape: tuple[int, ...], probability: float, key: Array
) -> tuple[Array, Array]:
    """Draws a batch's training styles: two draws, mixed with `probability` at a random layer.

    Args:
      draw: key -> w (N, w_dim).
      shape: the image's.
      probability: of mixing; all images of a batch mix at the same layer.
      key: of both draws, the cutoff and the coin.

    Returns:
      ws (N, layers, w_dim), and the first draw's w.
    """
    k_first, k_second, k_cut, k_coin = jax.random.split(key, 4)
    first, second = draw(k_first), draw(k_second)
    layers = style_layers(shape)
    cut = cutoff(k_cut, k_coin, layers, probability)
    return mix(spread(first, layers), spread(second, layers), cut), first


def truncate(ws: Array, w_avg: Array, psi: Array | float, cutoff: int | None = None) -> Array:
    """Computes w_avg + psi (w - w_avg) in layers below `cutoff`, None for all (2019, appendix B).

    ws (N, layers, w_dim), w_avg (w_dim,). psi = 1 changes nothing, psi = 0 gives w_avg.
    """
    truncated = psi * ws + (1 - psi) * w_avg
    return truncated if cutoff is None else mix(truncated, ws, cutoff)


def average(w_avg: Array, w: Array, beta: float = 0.995) -> Array:
    """Updates the running mean of w, (w_dim,), by a batch w (N, w_dim); it starts at 0."""
    return beta * w_avg + (1 - beta) * jax.lax.stop_gradient(w).mean(axis=0)
