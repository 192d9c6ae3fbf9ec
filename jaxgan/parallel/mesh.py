"""Meshes of devices: data parallelism, or parallelism over seeds.

Usually the batch is split over all devices of the run and the state is replicated on each. Several
seeds under vmap are split over the devices instead, each seed entirely on one.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgan.runtime.errors import UserError


def over_data(
    batch: int, devices: Sequence[jax.Device] | None = None, at: str = "config.batch"
) -> Mesh:
    """Builds a mesh with one axis, `data`, of `devices`: by default all, of all processes.

    `at` says in messages what the batch is.

    Raises:
      UserError: the batch does not divide evenly among them.
    """
    devices = jax.devices() if devices is None else devices
    n = len(devices)
    if batch % n:
        fewer = max(k for k in range(1, n) if batch % k == 0)
        key = at.removeprefix("config.").partition(".")[0]
        on = (
            "start fewer processes"
            if jax.process_count() > 1
            else f"run on {fewer} of the devices (on GPUs by CUDA_VISIBLE_DEVICES)"
        )
        raise UserError(
            f"{at}={batch} does not split over {n} devices; set a multiple of {n} (with "
            f"--override={key} where a run is resumed), at least an image each, or {on}"
        )
    # Auto: the compiler propagates the batch's sharding; under Explicit every loss would name it.
    auto, slices = (AxisType.Auto,), _slices(devices)
    if len(slices) == 1:
        return jax.make_mesh((n,), ("data",), axis_types=auto, devices=devices)
    # Slice by slice, so that a reduction crosses the network between them as late as it can.
    parts = [jax.make_mesh((len(each),), ("data",), axis_types=auto, devices=each).devices
             for each in slices]  # fmt: skip
    return Mesh(np.concatenate(parts), ("data",), axis_types=auto)


def _slices(devices: Sequence[jax.Device]) -> list[list[jax.Device]]:
    """Returns the devices of each TPU slice; others are one slice."""
    found: dict[int, list[jax.Device]] = {}
    for device in devices:
        number = getattr(device, "slice_index", 0) if device.platform == "tpu" else 0
        found.setdefault(number, []).append(device)
    return [found[number] for number in sorted(found)]


def over_seeds(n: int, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Builds a mesh with one axis, `seeds`, of as many devices as n seeds divide among evenly.

    `devices`: those to take them from; by default all.

    Raises:
      UserError: there is more than one process.
    """
    if jax.process_count() > 1:
        raise UserError(
            "config.seeds: seeds under vmap need a single process; set config.replicas=sequential "
            "(with --override=replicas where a run is resumed)"
        )
    devices = jax.devices() if devices is None else devices
    devices = devices[: math.gcd(n, len(devices))]
    return jax.make_mesh((len(devices),), ("seeds",), axis_types=(AxisType.Auto,), devices=devices)


def none() -> Mesh:
    """Returns the mesh of a process that has set none, for what places its arrays itself."""
    return Mesh(np.empty((), object), ())


def of_states(mesh: Mesh) -> NamedSharding:
    """Returns the sharding of a run's state: replicated, or split by seed on a mesh of seeds."""
    return NamedSharding(
        mesh, PartitionSpec("seeds") if "seeds" in mesh.axis_names else PartitionSpec()
    )


def of_batches(mesh: Mesh, axis: int = 0) -> NamedSharding:
    """Returns the sharding of batches, split along `axis` over the devices."""
    return NamedSharding(mesh, PartitionSpec(*[None] * axis, *mesh.axis_names))


def abstract(tree: Any, sharding: NamedSharding) -> Any:
    """Returns the shapes and dtypes of a tree of arrays, abstract or not, with a sharding."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree)


def platform(mesh: Mesh) -> str:
    """Returns the platform of a mesh's devices: "cpu", "gpu" or "tpu".

    It is the platform that programs are compiled for, which need not be this machine's.
    """
    return str(mesh.devices.flat[0].platform)


def place(mesh: Mesh, batch: dict[str, np.ndarray], axis: int = 0) -> dict[str, jax.Array]:
    """Places this process's share of a batch.

    Args:
      mesh: of the run.
      batch: this process's share of each column.
      axis: the axis to split over the devices.

    Returns:
      The global batch.
    """
    split = of_batches(mesh, axis)
    if jax.process_count() == 1:
        return {k: jax.make_array_from_process_local_data(split, v) for k, v in batch.items()}
    return {k: _assemble(split, v, axis) for k, v in batch.items()}


def rows(mesh: Mesh, n: int) -> np.ndarray:
    """Returns which of n rows this process's devices have, in order; on TPUs not always a block."""
    split = of_batches(mesh)
    parts = split.addressable_devices_indices_map((n,)).values()
    return np.unique(np.concatenate([np.arange(n)[part] for part in parts]))


def gathered(x: Any) -> Any:
    """Returns arrays that every process has whole: of one process, as they are."""
    if jax.process_count() == 1:
        return x
    return jax.tree.map(_replicated, x)


def _replicated(x: Any) -> Any:
    """All processes call it at once, since it may be a collective."""
    if not isinstance(x, jax.Array) or x.is_fully_addressable or x.is_fully_replicated:
        return x
    return jax.jit(_same, out_shardings=NamedSharding(x.sharding.mesh, PartitionSpec()))(x)


def _same(x: jax.Array) -> jax.Array:
    return x


def spread(tree: Any, sharding: jax.sharding.Sharding) -> Any:
    """Places arrays that each process has whole by a sharding over devices of all of them."""
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    def place(x: Any) -> jax.Array:
        whole = np.asarray(x)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    return jax.tree.map(place, tree)


def own(sharding: jax.sharding.Sharding) -> jax.sharding.Sharding:
    """Returns a sharding that a process can read into by itself: a device, in place of others'."""
    if sharding.is_fully_addressable:
        return sharding
    return jax.sharding.SingleDeviceSharding(jax.local_devices()[0])


def _assemble(split: NamedSharding, own: np.ndarray, axis: int) -> jax.Array:
    """Assembles the global array of which this process has the `rows` along `axis`."""
    mesh = split.mesh
    n = own.shape[axis] * mesh.size // len(mesh.local_devices)
    held = rows(mesh, n)

    def part(index: tuple[slice, ...]) -> np.ndarray:
        first, last = np.searchsorted(held, index[axis].indices(n)[:2])
        return own[(slice(None),) * axis + (slice(first, last),)]

    return jax.make_array_from_callback((*own.shape[:axis], n, *own.shape[axis + 1 :]), split, part)


def lockstep() -> bool:
    """Returns whether the host must wait for each step.

    Several devices simulated on one CPU can deadlock in a collective when steps are dispatched
    ahead.
    """
    return jax.default_backend() == "cpu" and jax.device_count() > 1
