"""Before the first step: compiled programs and freed memory are kept, and a clock runs."""

import ctypes
import hashlib
import os
import platform
from pathlib import Path

# mallopt(3): nothing is mapped apart, nothing is given back, and all come from the one heap that
# grows without bound.
MALLOC = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_ARENA_MAX": (-8, 1)}


def prepare() -> None:
    """What every command does before jax is imported."""
    cache()
    memory()


def cache() -> None:
    """Keeps compiled programs for later runs, in a folder below $XDG_CACHE_HOME or ~/.cache.

    Call it before jax is imported. JAX's own variables win: JAX_COMPILATION_CACHE_DIR puts the
    programs elsewhere, JAX_ENABLE_COMPILATION_CACHE=false keeps none. A program is tens of
    kilobytes; none is ever removed, and the folder may be deleted at any time.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def folder() -> Path:
    """jaxgan/programs/<host>, where <host> tells processors and numbers of usable cores apart.

    XLA bakes both into what it compiles for the CPU, but JAX's key for a program has neither: one
    compiled on one core would run on one core for ever, one of another machine may not run.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count()
    facts = (platform.machine(), _processor(), cores, os.environ.get("NPROC", ""))
    host = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return root / "jaxgan" / "programs" / host


def memory() -> None:
    """Has malloc keep large freed blocks for the next step, where it is glibc's.

    On a CPU XLA takes its buffers from malloc at each step. By default glibc gives large ones back
    to the kernel, which must fill them with zeros again. Variables named MALLOC_* win.
    """
    ours = platform.libc_ver()[0] == "glibc"
    if ours and not any(name.startswith("MALLOC_") for name in os.environ):
        for option, value in MALLOC.values():
            ctypes.CDLL(None).mallopt(option, value)


def _processor() -> str:
    """Model and features of the CPU, as Linux tells them; else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")  # x86 and Arm
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))
