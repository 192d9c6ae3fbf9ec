"""Finds values that are not finite, on the device."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

PARTS = ("params", "stats", "memory", "opt", "ema")  # the fields of a State that map names to trees


def finite(tree: Any) -> Array:
    """Returns 1.0 if every float of a tree is finite, else 0.0.

    0 times a finite number is 0, times any other it is NaN: a sum of products compiles in half the
    time of an `isfinite` per leaf, and is as fast.
    """
    leaves = [x for x in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(x), jnp.floating)]
    zero = sum((jnp.sum(x * 0, dtype=jnp.float32) for x in leaves), jnp.float32(0))
    return jnp.isfinite(zero).astype(jnp.float32)


def bad_parts(state: Any) -> list[str]:
    """Returns the entries of a State that hold a value that is not finite, as 'params.g'.

    Waits for the state. States stacked over seeds are one.
    """
    flags = jax.device_get(_flags({part: getattr(state, part) for part in PARTS}))
    return [f"{part}.{name}" for part in PARTS for name, flag in flags[part].items() if not flag]


@jax.jit
def _flags(parts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Array]]:
    return {part: {name: finite(tree) for name, tree in of.items()} for part, of in parts.items()}
