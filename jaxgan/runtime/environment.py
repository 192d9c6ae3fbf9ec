"""Sets up the process before JAX is imported: a cache of compiled programs, and malloc.

Both are unusual for a training program. Compilation is most of a short run, so programs are kept
on disk; each kind of host has a folder because JAX's cache key omits the processor and its usable
cores. malloc is set because glibc otherwise returns each step's buffers to the kernel: README,
"Speed", has the gain in time and the price in memory. glibc reads its MALLOC_* variables before
Python runs, so only a call of mallopt, by ctypes, has an effect.
"""

import ctypes
import hashlib
import os
import platform
from pathlib import Path

# mallopt(3): no block is mapped separately, none is returned to the kernel, and all come from the
# one heap that can grow without bound.
MALLOC = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_ARENA_MAX": (-8, 1)}


def prepare() -> None:
    """Does what every command needs before jax is imported."""
    cache()
    memory()


def cache() -> None:
    """Keeps compiled programs for later runs, in a folder below $XDG_CACHE_HOME or ~/.cache.

    Call it before jax is imported. JAX's variables take precedence: JAX_COMPILATION_CACHE_DIR sets
    another folder, JAX_ENABLE_COMPILATION_CACHE=false turns the cache off. A program is tens of
    kilobytes; none is ever removed, and the folder may be deleted at any time.
    """
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder()))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def folder() -> Path:
    """Returns jaxgan/programs/<host>, where <host> identifies the CPU and the usable core count.

    XLA compiles CPU programs for both, but JAX's cache key contains neither: a program compiled on
    one core would permanently run on one core, and one of another machine may not run at all.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count()
    facts = (platform.machine(), _processor(), cores, os.environ.get("NPROC", ""))
    host = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return root / "jaxgan" / "programs" / host


def memory() -> None:
    """Makes malloc keep large freed blocks for the next step, where it is glibc's.

    On a CPU XLA allocates its buffers with malloc at each step. By default glibc returns large ones
    to the kernel, which has to zero them again. Any variable MALLOC_* turns this off.
    """
    is_glibc = platform.libc_ver()[0] == "glibc"
    if is_glibc and not any(name.startswith("MALLOC_") for name in os.environ):
        for option, value in MALLOC.values():
            ctypes.CDLL(None).mallopt(option, value)


def _processor() -> str:
    """Returns the CPU's model and features as Linux lists them; elsewhere, what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")  # x86 and Arm
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))
