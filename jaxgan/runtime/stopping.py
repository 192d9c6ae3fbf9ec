"""What asks a run to stop, of one process or of several."""

import signal
from typing import Any

from jaxgan.runtime import processes, signals


class SharedStop(signals.StopSignal):
    """A stop signal to any process stops all of them before the same step.

    JAX takes SIGTERM from the start and tells all; SIGINT and SIGHUP become one. The time that is
    up is process 0's.
    """

    numbers = tuple(number for number in signals.NUMBERS if number != signal.SIGTERM)

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__(seconds if processes.first() else None)

    def reached(self, n: int) -> bool:
        """Returns whether all stop here; to be called at each dispatch, n one more each time."""
        from jax.experimental import multihost_utils

        stopped = multihost_utils.reached_preemption_sync_point(n)
        if stopped:
            self.timed_out = processes.word("the time is up", self.timed_out)
        return stopped

    def early(self) -> bool:
        """Returns False: all stop after the same dispatch, which each has to reach."""
        return False

    def _catch(self, number: int, frame: Any) -> None:
        super()._catch(number, frame)
        signal.raise_signal(signal.SIGTERM)

    def _end_of_time(self, number: int, frame: Any) -> None:
        super()._end_of_time(number, frame)
        signal.raise_signal(signal.SIGTERM)


def stop_signal(seconds: float | None) -> signals.StopSignal:
    """Returns what stops the run: see `signals.StopSignal`, and of several processes SharedStop."""
    return SharedStop(seconds) if processes.count() > 1 else signals.StopSignal(seconds)
