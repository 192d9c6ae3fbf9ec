"""Signals that ask a run to stop."""

import signal
from typing import Any


class StopSignal:
    """Sets `caught` on SIGTERM and SIGINT while it is open, so that the loop ends after a save."""

    def __init__(self) -> None:
        self.caught = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _catch(self, number: int, _frame: object) -> None:
        self.caught = True
        # A second signal is not caught: it ends the run at once.
        signal.signal(number, self._before[number])
