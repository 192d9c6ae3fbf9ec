"""Standard streams that cannot end a process: closed ones, and ones whose reader is gone."""

import errno
import os
import sys
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EIO)  # of a pipe's reader, of a terminal that was closed


def protect() -> None:
    """Replaces closed standard streams, and makes the two that are written outlive their readers.

    What is printed after `2>&1 | head` has ended is lost and nothing else: a run of days goes on.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # else the next file that is opened takes the number, and gets what is said
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            stream = os.fdopen(number, "w", closefd=False)
        if not isinstance(stream, _Outliving):
            setattr(sys, name, _Outliving(stream))


class _Outliving:
    """A text stream that drops what it is given once its reader is gone."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes, or drops, `text`."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._discard(error)
            return len(text)

    def flush(self) -> None:
        """Flushes what was written, or drops it."""
        try:
            self._stream.flush()
        except OSError as error:
            self._discard(error)

    def _discard(self, error: OSError) -> None:
        """Points the stream at nothing, so that Python's last flush succeeds too."""
        if error.errno not in _GONE:
            raise error
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)
