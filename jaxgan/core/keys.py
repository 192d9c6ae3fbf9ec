"""Named streams of random keys: who draws is folded into the key as a name, not as a number."""

import zlib

import jax


def named(key: jax.Array, name: str) -> jax.Array:
    """Returns the key of the stream `name`: streams of different names never share a draw.

    The name's CRC-32 is folded in, so that a stream does not depend on which others there are.
    """
    return jax.random.fold_in(key, zlib.crc32(name.encode()))
