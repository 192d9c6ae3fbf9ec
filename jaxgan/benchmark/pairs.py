"""Runs two programs by turns, so that a machine that slows down or is shared slows both.

A pair is a run of each; the next pair starts with the other program.
"""

import json
import math
import shlex
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

COVERAGE = 0.95  # of an interval, where the pairs are enough for it


class Failed(Exception):
    """A program that failed; the message has its command and last line on stderr."""


class Ratio(NamedTuple):
    """The median of the ratios of pairs, an interval for it, and the range of all.

    coverage: the probability that the interval holds the median of the ratios' distribution.
    """

    median: float
    low: float
    high: float
    coverage: float
    least: float
    most: float


def alternate(first: Callable[[], Any], second: Callable[[], Any], n: int) -> Iterator[tuple]:
    """Calls both n times, in the order A B, B A, A B …; yields (first's, second's) of each pair."""
    for i in range(n):
        if i % 2 == 0:
            a, b = first(), second()
        else:
            b, a = second(), first()
        yield a, b


def ratio(ratios: Sequence[float]) -> Ratio:
    """Summarizes the ratios of independent pairs, one or more, of any distribution.

    Between the k-th least and the k-th largest of n lies the median with probability
    1 - 2 P(B < k), where B counts the heads of n coins. The narrowest such interval of at least
    COVERAGE is taken; below six pairs there is none, and it is the range, at its own coverage.
    """
    ordered, n = sorted(ratios), len(ratios)
    inside = {k: 1 - 2 * _fewer_heads(n, k) for k in range(1, (n + 1) // 2 + 1)}
    k = max((k for k, p in inside.items() if p >= COVERAGE), default=1)
    median = statistics.median(ordered)
    return Ratio(median, ordered[k - 1], ordered[-k], inside[k], ordered[0], ordered[-1])


def _fewer_heads(n: int, k: int) -> float:
    """Returns the probability of fewer than k heads among n coins."""
    return sum(math.comb(n, i) for i in range(k)) / 2**n


def call(command: Sequence[str], env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Runs a command, by default in this process's environment.

    Returns:
      The JSON object on the last line of its stdout.

    Raises:
      Failed: its exit code is not 0, or it printed something else.
    """
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Failed(f"{shlex.join(command)}: {last}")
    try:
        found = json.loads((done.stdout.strip().splitlines() or [""])[-1])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Failed(f"{shlex.join(command)}: the last line of its stdout is no JSON object")
    return found
