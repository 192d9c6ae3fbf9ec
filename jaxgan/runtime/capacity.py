"""Compares what a command will hold in memory with what there is, before anything is allocated."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

from jaxgan.runtime.errors import UserError

_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory() -> int:
    """Returns the bytes that this process may use: the machine's, or a container's or ulimit's."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in map(Path, _CGROUPS):
        text = path.read_text().strip() if path.exists() else "max"
        limits += [int(text)] if text.isdecimal() else []
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return min(limits + ([] if soft == resource.RLIM_INFINITY else [soft]))


def check(needs: Mapping[str, int], remedy: str, limit: float | None = None) -> None:
    """Refuses what cannot fit.

    Args:
      needs: bytes by what holds them, in words; the least that is certain.
      remedy: what to lower, in words: "config.batch".
      limit: bytes that there are; None for this process's memory.

    Raises:
      UserError: the numbers and the remedy, in one line.
    """
    limit = memory() if limit is None else limit
    if sum(needs.values()) > limit:
        listed = ", ".join(f"{size(n)} of {what}" for what, n in needs.items() if n > limit / 100)
        raise UserError(f"{listed} do not fit into {size(limit)} of memory; lower {remedy}")


def size(n: int) -> str:
    """Returns '3.2 GB', or '3.2 MB' of less than one."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"
