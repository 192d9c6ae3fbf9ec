"""Measures the hardware's peak of matrix products, and the memory that a process used."""

import resource
import sys
import time

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

SIZES = (512, 1024, 2048, 4096, 8192)
ENOUGH = 0.1  # seconds: above, larger products are not faster


def peak(mesh: Mesh) -> float:
    """Measures the FLOP/s of float32 square matrix products on all devices, best of several sizes.

    The precision is JAX's default, as in training: an NVIDIA GPU may round to TF32.
    """
    best, split = 0.0, NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    product = jax.jit(jnp.matmul, in_shardings=split, out_shardings=split)
    for size in SIZES:
        make = jax.jit(lambda size=size: jnp.ones((mesh.size, size, size)), out_shardings=split)
        a = jax.block_until_ready(make())
        jax.block_until_ready(product(a, a))  # compiles
        seconds = min(_seconds(product, a) for _ in range(5))
        best = max(best, 2 * size**3 * mesh.size / seconds)
        if seconds > ENOUGH:
            break
    return best


def memory() -> int:
    """Returns the peak bytes in use: of the device with most, or of this process on a CPU.

    A process's peak includes compilation.
    """
    stats = [device.memory_stats() for device in jax.local_devices()]
    if all(s and "peak_bytes_in_use" in s for s in stats):
        return max(s["peak_bytes_in_use"] for s in stats)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _seconds(product: jax.stages.Wrapped, a: jax.Array) -> float:
    start = time.perf_counter()
    jax.block_until_ready(product(a, a))
    return time.perf_counter() - start
