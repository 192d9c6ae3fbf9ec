"""The one mesh: every device of the run, the batch split over them, the state on each; or seeds.

Several seeds trained at once are split over the devices instead, each whole on one.
"""

import math
from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.runtime.errors import UserError


def over_data(batch: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A one-axis mesh, `data`, of the given devices: by default all, of all processes.

    Raises:
      UserError: the batch cannot be split evenly.
    """
    devices = jax.devices() if devices is None else devices
    n = len(devices)
    if batch % n:
        raise UserError(
            f"config.batch={batch} does not split over {n} devices; set a multiple of {n}"
        )
    # Auto: the compiler propagates the batch's sharding; under Explicit every loss must name it.
    return jax.make_mesh((n,), ("data",), axis_types=(AxisType.Auto,), devices=devices)


def over_seeds(n: int) -> Mesh:
    """A one-axis mesh, `seeds`, of as many devices as n seeds split over evenly.

    Raises:
      UserError: there is more than one process.
    """
    if jax.process_count() > 1:
        raise UserError("config.seeds: seeds are trained at once by one process only")
    devices = jax.devices()[: math.gcd(n, jax.device_count())]
    return jax.make_mesh((len(devices),), ("seeds",), axis_types=(AxisType.Auto,), devices=devices)


def of_states(mesh: Mesh) -> NamedSharding:
    """A run's state is the same on every device; those of seeds are split by seed."""
    return NamedSharding(
        mesh, PartitionSpec("seeds") if "seeds" in mesh.axis_names else PartitionSpec()
    )


def place(mesh: Mesh, batch: dict[str, np.ndarray], axis: int = 0) -> dict[str, jax.Array]:
    """This process's share of a batch -> the global batch, `axis` split over the devices."""
    split = NamedSharding(mesh, PartitionSpec(*[None] * axis, *mesh.axis_names))
    return {k: jax.make_array_from_process_local_data(split, v) for k, v in batch.items()}


def lockstep() -> bool:
    """Whether the host must wait for each step.

    Several devices simulated on one CPU can deadlock in a collective when steps run ahead.
    """
    return jax.default_backend() == "cpu" and jax.device_count() > 1
