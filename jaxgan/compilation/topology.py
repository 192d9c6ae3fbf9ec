"""Devices to compile for, by name: a slice of TPU chips that is not here, or this machine's own.

Google's names are taken as they are: v5e:16x16 is a slice of 256 chips of TPU v5e. cpu:8 are eight
devices simulated on this CPU, and host are the devices that jax finds here.
"""

import contextlib
import importlib.util
import math
import os
import re
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import jax
from jax.experimental import topologies

from jaxgan.runtime import capacity
from jaxgan.runtime.errors import UserError


class Chip(NamedTuple):
    """What one chip does, by Google's figures for each generation.

    flops: per second, with bfloat16 operands, which is how a TPU multiplies float32 too unless it
    is asked for more. memory_rate: bytes/s of HBM. ici: bytes/s that it sends to the chips of its
    slice, in one direction. dcn: bytes/s, its share of what a slice sends to another. pod: the most
    chips of a slice. layouts: some usual slices.
    """

    flops: float
    memory_rate: float
    ici: float
    dcn: float
    pod: int
    layouts: str


SQUARES = "1x1, 2x2, 2x4, 4x4, 4x8, 8x8, 8x16, 16x16"
CHIPS = {
    "v5e": Chip(197e12, 819e9, 200e9, 3.125e9, 256, SQUARES),
    "v5p": Chip(459e12, 2765e9, 600e9, 6.25e9, 8960, "2x2x1, 2x2x2, 2x2x4, 2x4x4, 4x4x4, 4x4x8"),
    "v6e": Chip(918e12, 1638e9, 400e9, 12.5e9, 256, SQUARES),
}


class Topology(NamedTuple):
    """Devices, and what is known of them.

    chip: None where no figures are known, and no time is estimated. memory: bytes of a device; None
    where the compiler itself refuses what does not fit.
    """

    devices: list[jax.Device]
    slices: int
    chip: Chip | None
    memory: float | None


def known() -> str:
    """Returns the names that there are, in words."""
    listed = (f"{name}:{{{chip.layouts}}}" for name, chip in CHIPS.items())
    return f"{', '.join(listed)}, cpu:N, host"


def topology(name: str, slices: int = 1) -> Topology:
    """Returns the devices of that name.

    Args:
      name: as 'v5e:16x16'.
      slices: how many such slices, of TPUs.

    Raises:
      UserError: an unknown name; a TPU without libtpu; slices of what has none.
    """
    family, _, layout = name.partition(":")
    if family in CHIPS and re.fullmatch(r"\d{1,4}(x\d{1,4}){1,2}", layout):
        return _tpu(name, CHIPS[family], [int(n) for n in layout.split("x")], slices)
    if slices > 1:
        raise UserError(f"--slices={slices}: {name} has none; TPUs have: {known()}")
    if name == "host":
        return _here(jax.devices())
    if family == "cpu" and re.fullmatch(r"\d{1,3}", layout):
        devices = jax.devices("cpu")
        if not 1 <= int(layout) <= len(devices):
            raise UserError(
                f"--topology={name}: this process has {len(devices)} devices on its CPU"
            )
        return _here(devices[: int(layout)])
    raise UserError(f"--topology={name}: unknown; known: {known()}")


def _here(devices: list[jax.Device]) -> Topology:
    """Returns devices of this machine; those of a CPU share its memory."""
    stats = devices[0].memory_stats() or {}
    memory = stats.get("bytes_limit") or capacity.memory() / len(devices)
    return Topology(devices, 1, None, memory)


def _tpu(name: str, chip: Chip, layout: list[int], slices: int) -> Topology:
    """Returns the devices of slices that are not here."""
    if importlib.util.find_spec("libtpu") is None and "TPU_LIBRARY_PATH" not in os.environ:
        raise UserError(
            f"--topology={name}: needs libtpu, a TPU's compiler: pip install jaxgan[tpu]"
        )
    chips = math.prod(layout)
    if not 1 <= chips <= chip.pod:
        raise UserError(f"--topology={name}: a slice has 1 to {chip.pod} chips; known: {known()}")
    more = {"num_slices": slices} if slices > 1 else {}
    if chips == 1:
        more["chips_per_host_bounds"] = (1, 1, 1)
    try:
        with _quiet():
            found = topologies.get_topology_desc(platform="tpu", topology_name=name, **more)
    except jax.errors.JaxRuntimeError as error:
        text = str(error).partition("INVALID_ARGUMENT: ")[2]
        if not text:
            raise
        raise UserError(f"--topology={name}: {text}; known: {known()}") from None
    return Topology(list(found.devices), slices, chip, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drops what libraries write to stderr, unless an error ends it.

    libtpu warns that it finds no TPU, which is why it is asked for a topology.
    """
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
