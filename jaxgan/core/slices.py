"""Gradients of a batch, a slice at a time, or a device's share: means over either.

What a step needs of memory falls with the slices. A slice is every k-th row, so a batch that is
split over devices needs no communication. The rows that a slice or a device draws, of latents,
noise, dropout or augmentations, are those that its rows would get in the whole batch: where nothing
mixes samples, the gradient is that of the whole batch.
"""

import functools
import math
from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend import random as extended

Tree = Any
WHOLE = "threefry2x32"  # the kind of keys whose draws a slice can share
AXIS = "data"  # of the mesh, over whose devices a batch is split
Loss = Callable[..., tuple[Array, Any]]  # (own, batch, key) -> (loss, core.game.Aux)


def gradients(
    loss: Loss, own: Tree, batch: Tree, key: Array, k: int, per_device: bool = False
) -> tuple[tuple[Array, Any], Tree]:
    """Returns ((loss, aux), gradients) of loss(own, batch, key) -> (loss, aux) in `own`.

    With k = 1, those of the batch. Else means over its k slices, taken one after the other; of
    `aux` the columns `passed` are put together again. With `per_device`, in a `shard_map` over
    AXIS, `batch` is a device's share, and all but `passed` are means over devices.
    """
    if not per_device:
        return _over_slices(loss, own, batch, key, k)
    n = len(jax.tree.leaves(batch)[0])
    devices, i = jax.lax.axis_size(AXIS), jax.lax.axis_index(AXIS)
    key = of_slice(key, i, n, devices, block=True)
    (value, aux), grads = _over_slices(loss, own, batch, key, k)
    mean = jax.lax.pmean((value, aux._replace(passed={}), grads), AXIS)
    return (mean[0], mean[1]._replace(passed=aux.passed)), mean[2]


def gathered(batch: Tree) -> Tree:
    """Returns the rows of all devices, of each one's share in a `shard_map` over AXIS."""
    return jax.tree.map(lambda x: jax.lax.all_gather(x, AXIS, tiled=True), batch)


def _over_slices(
    loss: Loss, own: Tree, batch: Tree, key: Array, k: int
) -> tuple[tuple[Array, Any], Tree]:
    differentiate = jax.value_and_grad(loss, has_aux=True)
    if k == 1:
        found, grads = differentiate(own, batch, key)
        return found, grads
    rows = split(batch, k)
    n = len(jax.tree.leaves(rows)[0][0])

    def one(total: Tree, item: tuple[Array, Tree]) -> tuple[Tree, Any]:
        i, rows = item
        found, grads = differentiate(own, rows, of_slice(key, i, n, k))
        return jax.tree.map(jnp.add, total, grads), found

    zeros = jax.tree.map(jnp.zeros_like, own)
    total, (values, aux) = jax.lax.scan(one, zeros, (jnp.arange(k), rows))
    passed = joined(aux.passed)
    aux = jax.tree.map(lambda x: x.mean(axis=0), aux._replace(passed={}))
    grads = jax.tree.map(lambda x: x / k, total)
    return (values.mean(), aux._replace(passed=passed)), grads


def split(batch: Tree, k: int) -> Tree:
    """Returns the slices of rows (N, ...) as (k, N / k, ...); slice i has rows i, i + k and so on.

    Raises:
      ValueError: N is no multiple of k.
    """
    return jax.tree.map(lambda x: x.reshape(-1, k, *x.shape[1:]).swapaxes(0, 1), batch)


def joined(slices: Tree) -> Tree:
    """Returns rows (k N, ...) of slices (k, N, ...): what `split` took apart."""
    return jax.tree.map(lambda x: x.swapaxes(0, 1).reshape(-1, *x.shape[2:]), slices)


def of_slice(key: Array, i: Array, n: int, k: int, block: bool = False) -> Array:
    """Returns the key of slice i of k, of n rows each; with `block`, of the i-th n rows in a row.

    What is drawn from it for the rows of a slice, on the first axis whose length is a multiple of
    n, else on the first, are rows i, i + k and so on of what `key` gives to k times as many; a
    scalar is the batch's. With `block` they are those of the block. Keys that are not threefry's
    are folded with i instead.
    """
    if str(jax.random.key_impl(key)) != WHOLE:
        return jax.random.fold_in(key, i)
    data = jnp.append(jax.random.key_data(key), i.astype(jnp.uint32))
    wrapped: Array = jax.random.wrap_key_data(data, impl=_kind(n, k, block))
    return wrapped


@functools.cache
def _kind(n: int, k: int, block: bool) -> Hashable:
    """Returns the kind of keys of slices: threefry's two words, and the slice's number."""
    plain = extended.threefry_prng_impl

    def split(key: Array, shape: tuple[int, ...]) -> Array:
        keys = plain.split(key[:2], shape)
        return jnp.concatenate([keys, jnp.broadcast_to(key[2], (*shape, 1))], axis=-1)

    def fold_in(key: Array, data: int) -> Array:
        return jnp.append(plain.fold_in(key[:2], data), key[2])

    def random_bits(key: Array, bits: int, shape: tuple[int, ...]) -> Array:
        if not shape or bits > 32:
            same: Array = plain.random_bits(key[:2], bits, shape)
            return same
        axis = next((a for a, length in enumerate(shape) if length % n == 0), 0)
        return _bits(key, bits, shape, axis, k, block)

    return extended.define_prng_impl(
        key_shape=(3,), seed=lambda seed: jnp.append(plain.seed(seed), 0), split=split,
        random_bits=random_bits, fold_in=fold_in,
        name=f"{'block' if block else 'slice'}_{n}_{k}", tag="sl",
    )  # fmt: skip


def _bits(key: Array, bits: int, shape: tuple[int, ...], axis: int, k: int, block: bool) -> Array:
    """Draws rows key[2], key[2] + k and so on along `axis` of the bits of k times as many rows.

    With `block`, the key[2]-th block of as many rows as `shape` has. As jax.random does
    with jax_threefry_partitionable: an element's bits are those of its place.
    """
    whole = (*shape[:axis], shape[axis] * k, *shape[axis + 1 :])
    if math.prod(whole) >= 2**32:
        raise ValueError(f"draws of {whole} have more elements than a slice can count")
    place = jnp.zeros(shape, jnp.uint32)
    for a in range(len(shape)):
        index = jax.lax.broadcasted_iota(jnp.uint32, shape, a)
        if a == axis and block:
            index += key[2] * jnp.uint32(shape[axis])
        elif a == axis:
            index = index * jnp.uint32(k) + key[2]
        place += index * jnp.uint32(math.prod(whole[a + 1 :]))
    high, low = extended.threefry2x32_p.bind(key[0], key[1], jnp.zeros_like(place), place)
    drawn: Array = (high ^ low).astype({8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}[bits])
    return drawn
