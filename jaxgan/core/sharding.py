"""Where arrays that are made in a program lie."""

from typing import Any

import jax
from jax.sharding import PartitionSpec

from jaxgan.core import slices


def shard(x: Any) -> Any:
    """Shards the leading axis of what a loss draws over the devices of the current mesh.

    Without it the compiler may replicate on every device all that is computed from the draw.
    """
    if slices.AXIS not in jax.sharding.get_abstract_mesh().auto_axes:  # or each has its own share
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec(slices.AXIS))
