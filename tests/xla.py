"""XLA as tests use it: programs that compile quickly, and one device for commands they start."""

import importlib.util
import mmap
import os
from pathlib import Path

DEVICES = "--xla_force_host_platform_device_count=8"
# Compiling is most of what tests cost. Without MLIR's emitters of fusions it takes half the time
# or less, and less again without parting each program for a pool of threads.
QUICK = [
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
]


def flags() -> str:
    """Returns XLA_FLAGS for eight devices and quick compilation.

    XLA aborts at a flag it does not know, and those of the CPU come and go: what this jaxlib does
    not name is left out.
    """
    library = Path(importlib.util.find_spec("jaxlib").origin).with_name("libjax_common.so")
    if not library.exists():
        return f"{DEVICES} {QUICK[0]}"
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        names = {flag: flag[2:].partition("=")[0].encode() + b"\0" for flag in QUICK}
        return " ".join([DEVICES, *(flag for flag in QUICK if text.find(names[flag]) >= 0)])


def one_device() -> dict[str, str]:
    """Returns the environment of a command of one device, with a thread for each core."""
    env = {name: value for name, value in os.environ.items() if name != "NPROC"}
    return env | {"XLA_FLAGS": " ".join(env.get("XLA_FLAGS", "").replace(DEVICES, "").split())}
