"""A pool of older fake images for a critic (Shrivastava et al. 2017, section 2.3)."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def empty(size: int, shape: tuple[int, ...]) -> dict[str, Array]:
    """Returns a pool of no images yet, for up to `size` of (*shape)."""
    return {"images": jnp.zeros((size, *shape)), "held": jnp.zeros((), jnp.int32)}


def query(pool: dict[str, Array], fakes: Array, key: Array) -> tuple[Array, dict[str, Array]]:
    """Returns what the critic sees for fakes (N, ...), and the new pool.

    One fake after the other, as in the authors' code (junyanz/pytorch-CycleGAN-and-pix2pix,
    util/image_pool.py): until the pool is full it is kept and seen; from then on, with probability
    1/2, it takes the place of a random older one, which is seen instead.
    """
    size = len(pool["images"])

    def one(carry: tuple[Array, Array], item: tuple[Array, Array]) -> tuple[Any, Array]:
        images, held = carry
        fake, key = item
        k_swap, k_place = jax.random.split(key)
        place = jnp.where(held < size, held, jax.random.randint(k_place, (), 0, size))
        keep = (held < size) | jax.random.bernoulli(k_swap)
        seen = jnp.where(keep & (held >= size), images[place], fake)
        images = images.at[place].set(jnp.where(keep, fake, images[place]))
        return (images, jnp.minimum(held + 1, size)), seen

    keys = jax.random.split(key, len(fakes))
    start = pool["images"], pool["held"]
    (images, held), seen = jax.lax.scan(one, start, (jax.lax.stop_gradient(fakes), keys))
    return seen, {"images": images, "held": held}
