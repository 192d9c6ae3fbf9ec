"""Signals that ask a process to stop, from its first line to its last.

At first each ends the process at once, by `os._exit`: an exception raised in a handler can be lost
in a library's callback, and files are written so that nothing of them is lost. While a training
loop has steps to save, it catches the first one; a second one ends the process at once.
"""

import contextlib
import os
import signal
from types import FrameType

STOPPED = 75  # EX_TEMPFAIL: run the same command to resume
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NUMBERS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)


def install() -> None:
    """Ends the process at once on SIGTERM, SIGINT and SIGHUP, with one line and no traceback.

    An ignored SIGHUP stays ignored: that is what nohup asks for.
    """
    for number in NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


class StopSignal:
    """Sets `caught` on the first signal while it is open, so that a loop ends after a save.

    Until `arm` is called, once there is something to save, a signal acts as it did before. A time
    that is up is such a signal too, and sets `timed_out` as well.
    """

    numbers = NUMBERS

    def __init__(self, seconds: float | None = None) -> None:
        """`seconds`: of time, from `arm` on; None for no limit."""
        self.caught = self.timed_out = False
        self._seconds = seconds
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopSignal":
        return self

    def reached(self, n: int) -> bool:
        """Returns whether the loop is to stop after its n-th dispatch of steps."""
        del n  # which several processes agree on
        return self.caught

    def early(self) -> bool:
        """Returns whether the loop is to stop now, where it waits between two dispatches."""
        return self.caught

    def arm(self) -> None:
        """Catches signals from here on; called again it does nothing."""
        if self._before:
            return
        for number in self.numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._catch)
        if self._seconds is not None:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._end_of_time)
            signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        if self._seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self.caught:
            _end(number, frame)
        self.caught = True

    def _end_of_time(self, _number: int, _frame: FrameType | None) -> None:
        self.caught = self.timed_out = True


def _end(number: int, _frame: FrameType | None) -> None:
    """Ends the process: code 130 of Ctrl-C, else 75, after which a scheduler runs it again."""
    name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
    with contextlib.suppress(OSError):  # nobody is left to be told
        os.write(2, f"\nstopped by {name}; a run keeps its last checkpoint\n".encode())
    os._exit(INTERRUPTED if number == signal.SIGINT else STOPPED)
