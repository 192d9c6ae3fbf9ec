"""What a program takes: compiled for its devices, and read."""

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

import jax

from jaxgan.compilation import hlo, roofline
from jaxgan.compilation.hlo import Exchange
from jaxgan.compilation.roofline import Roofline
from jaxgan.compilation.topology import Topology
from jaxgan.core.growth import Stage
from jaxgan.training.setup import Run

# "Used 22.40G of 15.75G hbm.", or "(80.83G) exceeds available HBM (15.75G)."
_SIZES = re.compile(
    r"([\d.]+)([KMGT]?)(?: of |\) exceeds available HBM \()([\d.]+)([KMGT]?)\)?(?: hbm|\.)"
)
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Figures(NamedTuple):
    """What one program takes on each device.

    fits: whether the devices have the memory. peak: bytes held at most; limit: bytes that there
    are, None where only the compiler knows. seconds: of compiling. What follows is None where a
    TPU's compiler refuses. arguments: bytes held between steps, and of the batch. flops, nbytes:
    computed and moved, by XLA's cost analysis, which counts the body of a loop once. exchanges:
    between devices, by kind. roofline: None where a device's figures are not known.
    """

    fits: bool
    peak: float | None
    limit: float | None
    seconds: float
    arguments: int | None = None
    flops: float | None = None
    nbytes: float | None = None
    exchanges: Mapping[str, Exchange] = {}
    roofline: Roofline | None = None
    warnings: tuple[str, ...] = ()


def measure(lowered: jax.stages.Lowered, run: Run, stage: Stage, topology: Topology) -> Figures:
    """Compiles a program of a stage and reads what it takes."""
    start = time.perf_counter()
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return Figures(False, *exhausted(str(error)), time.perf_counter() - start)
    seconds = time.perf_counter() - start
    memory, cost, text = compiled.memory_analysis(), compiled.cost_analysis(), compiled.as_text()
    held = memory.argument_size_in_bytes
    # Only a TPU's compiler knows the peak; all that is allocated is at least as much.
    added = memory.output_size_in_bytes - memory.alias_size_in_bytes + memory.temp_size_in_bytes
    peak = memory.peak_memory_in_bytes if topology.chip else held + added
    flops, nbytes = cost.get("flops", 0.0), cost.get("bytes accessed", 0.0)
    exchanges = hlo.collectives(text)
    sizes = run.mesh.size, topology.slices
    chip = topology.chip
    return Figures(
        fits=topology.memory is None or peak <= topology.memory,
        peak=peak,
        limit=topology.memory,
        seconds=seconds,
        arguments=held,
        flops=flops,
        nbytes=nbytes,
        exchanges=exchanges,
        roofline=chip and roofline.estimate(chip, *sizes, flops, nbytes, exchanges),
        warnings=(*foreign(exchanges, topology.slices), *replicated(text, run, stage)),
    )


def exhausted(text: str) -> tuple[float | None, float | None]:
    """Returns the bytes that the compiler asked for and those that there are, from its message."""
    found = _SIZES.search(text)
    if not found:
        return None, None
    used, unit, limit, unit_of_limit = found.groups()
    return float(used) * UNITS[unit], float(limit) * UNITS[unit_of_limit]


def foreign(exchanges: Mapping[str, Exchange], slices: int = 1) -> list[str]:
    """Warns of exchanges that a split batch does not need.

    Of several slices nothing is said: XLA makes all-reduces between them of all-gathers within.
    """
    if slices > 1:
        return []
    return [
        f"{each.count} {kind}, {each.nbytes / 1e6:.3g} MB, beside the all-reduces: rows are moved "
        "between devices, as where a turn's part of the batch does not divide among them"
        for kind, each in exchanges.items()
        if kind != "all-reduce"
    ]


def replicated(text: str, run: Run, stage: Stage) -> list[str]:
    """Warns of arrays that have the global batch's rows on one device, each of which it computes.

    Shapes alone are compared, so a batch that is also an axis of the nets or the images is not
    told from that axis, and is said not to have been looked for.
    """
    n, devices = stage.batch, run.mesh.size
    if devices == 1 or "data" not in run.mesh.axis_names:
        return []
    if n in axes(run):
        return [
            f"whether {n} rows, the global batch, are replicated is not known: the nets or the "
            f"images have an axis of {n} too; another --per_chip tells"
        ]
    found = hlo.leading(text, n)
    if not found:
        return []
    most = ", ".join(sorted(found, key=lambda shape: -found[shape])[:4])
    return [f"{sum(found.values())} arrays have all {n} rows of the global batch, as {most}"]


def axes(run: Run) -> set[int]:
    """Returns the lengths of all axes of states and of images, halved ones among them."""
    state = jax.eval_shape(lambda: run.game.init(jax.random.key(0)))
    found = {n for leaf in jax.tree.leaves(state) for n in leaf.shape}
    for side in run.spec.shape + run.spec.other:
        found |= {side >> k for k in range(side.bit_length())}
    return found
