"""A stopwatch of a command's phases, from the start of its process."""

import os
import time
from pathlib import Path

_LOADED = time.perf_counter()


class Clock:
    """Seconds since the command was given, by phase: '5.1 s: imports 2.1, data 0.3, build 2.7'."""

    def __init__(self, age: float = 0.0):
        """`age`: seconds that have passed already, for the first lap."""
        self._since = time.perf_counter() - age
        self._laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """Ends a phase, which began where the last one ended."""
        now = time.perf_counter()
        self._laps[phase], self._since = now - self._since, now

    def __str__(self) -> str:
        laps = ", ".join(f"{phase} {took:.1f}" for phase, took in self._laps.items())
        return f"{sum(self._laps.values()):.1f} s: {laps}"


def age() -> float:
    """Seconds since this process started; where there is no /proc, since this file was loaded."""
    try:
        text = Path("/proc/self/stat").read_text()
    except OSError:
        return time.perf_counter() - _LOADED
    # proc(5): field 22, counted after the name, which is in brackets and may hold blanks.
    ticks = int(text.rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
