"""Says on what a figure was measured: processor, versions, and whether others were running."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from jaxgan.runtime.environment import cores

BUSY = 0.5  # of processes that run or wait on average: above, the machine is not a benchmark's own
PACKAGES = ("jax", "jaxlib")


def machine() -> str:
    """Returns the processor's model, the usable cores, and the versions of Python and JAX."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    text = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{_model()}, {cores()} cores; Python {platform.python_version()}, {text}"


def load() -> float:
    """Returns how many processes ran, or waited to, over the last minute on average."""
    return os.getloadavg()[0]


def warn_if_busy() -> float:
    """Returns `load`; where others are running, which makes pairs differ, says so on stderr."""
    before = load()
    if before > BUSY:
        print(
            f"warning: the machine is busy, load {before:.1f} on {cores()} cores: figures and "
            "their intervals are those of a shared machine",
            file=sys.stderr,
            flush=True,
        )
    return before


def _model() -> str:
    """Returns the processor's name as Linux lists it; elsewhere, what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
