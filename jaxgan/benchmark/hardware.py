"""What the machine can do and what a process took: the matrix-product peak, and memory."""

import resource
import sys
import time

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

SIZES = (512, 1024, 2048, 4096, 8192)
ENOUGH = 0.1  # seconds: when a product takes so long, larger ones tell no more


def peak(mesh: Mesh) -> float:
    """FLOP/s of float32 square matrix products: the best of several sizes, all devices at work.

    The precision is JAX's default, as it is in training: an NVIDIA GPU may round to TF32.
    """
    best, split = 0.0, NamedSharding(mesh, PartitionSpec(mesh.axis_names))
    product = jax.jit(jnp.matmul, in_shardings=split, out_shardings=split)
    for size in SIZES:
        make = jax.jit(lambda size=size: jnp.ones((mesh.size, size, size)), out_shardings=split)
        a = jax.block_until_ready(make())
        jax.block_until_ready(product(a, a))  # compiles
        took = min(_seconds(product, a) for _ in range(5))
        best = max(best, 2 * size**3 * mesh.size / took)
        if took > ENOUGH:
            break
    return best


def memory() -> int:
    """Bytes in use at the worst moment: on the fullest device, or in this process on a CPU.

    A process's peak includes what compilation took.
    """
    stats = [device.memory_stats() for device in jax.local_devices()]
    if all(s and "peak_bytes_in_use" in s for s in stats):
        return max(s["peak_bytes_in_use"] for s in stats)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _seconds(product: jax.stages.Wrapped, a: jax.Array) -> float:
    started = time.perf_counter()
    jax.block_until_ready(product(a, a))
    return time.perf_counter() - started
