"""How the processes of a run end together when one fails: with one line, the same on all.

What ends one is told through JAX's coordination service, where the others look. One that is killed
tells nobody: the others lose its connection in the middle of a step, or its heartbeat.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import sys
import threading
import time
import traceback
from typing import Any, NamedTuple, NoReturn

from jaxgan.runtime import signals
from jaxgan.runtime.paths import reason

PARTING = 5  # seconds that process 0 waits for the others to hear of a failure
POLL = 0.5  # seconds between looks for a failure of another process
_FAILED, _TOLD = "jaxgan/failed", "jaxgan/told"
# What errors say, across platforms, when another process has gone in the middle of a step.
_LOST = re.compile(
    r"gloo|nccl|coordination service|heartbeat|barrier|socket closed|unavailable|cancelled|aborted"
    r"|deadline_exceeded|connection (reset|closed|refused)",
    re.IGNORECASE,
)


class Joined(NamedTuple):
    """This process among those of a run."""

    index: int
    count: int
    client: Any  # of JAX's coordination service
    done: threading.Event  # the run is over: no more failures


_ending = threading.Lock()  # held by the thread that ends the process
# How a process ends that JAX aborts: its line, '' where it has been printed, and its code.
_said, _code = "", signals.STOPPED


def tell(joined: Joined, line: str, code: int) -> NoReturn:
    """Ends all processes with one line and a code: of several failures, the one told first."""
    said = json.dumps([f"process {joined.index}: {line}", code])
    with contextlib.suppress(Exception):  # another was first, or nobody is left to be told
        joined.client.key_value_set(_FAILED, said)
    _end(joined, *(_failed(joined) or json.loads(said)))


def tell_by(joined: Joined, error: Exception) -> NoReturn:
    """Ends all processes by an error that is nobody's input.

    An error that comes of another process's end waits for what that one told, else says so.
    """
    import jax

    line = f"{type(error).__name__}: {reason(error)}"
    if isinstance(error, jax.errors.JaxRuntimeError | ValueError) and _LOST.search(str(error)):
        time.sleep(4 * POLL)  # the watch ends the process where there was a last word
        with _ending:
            printed(f"error: {_said} ({line})")
            os._exit(signals.STOPPED)
    traceback.print_exception(error)
    tell(joined, line, 1)


def watch(joined: Joined) -> None:
    """Starts a thread that ends this process once another has failed."""
    threading.Thread(target=_watch, args=(joined,), daemon=True, name="failures").start()


def _watch(joined: Joined) -> None:
    """Ends this process once another has failed."""
    while not joined.done.wait(POLL):
        if told := _failed(joined):
            _end(joined, *told)


def _failed(joined: Joined) -> tuple[str, int] | None:
    with contextlib.suppress(Exception):  # NOT_FOUND; or a service that is gone, of which JAX tells
        line, code = json.loads(joined.client.key_value_try_get(_FAILED))
        return line, code
    return None


def _end(joined: Joined, line: str, code: int) -> NoReturn:
    """Prints the line and exits; process 0, which hosts the service, once all have heard of it."""
    with _ending:
        in_loop = threading.current_thread() is not threading.main_thread()
        printed("\n" * in_loop + f"error: {line}")  # a progress bar may be on the line
        on_abort("", code)
        until = time.monotonic() + PARTING
        with contextlib.suppress(Exception):  # the service has gone, and with it all the others
            joined.client.key_value_set(f"{_TOLD}/{joined.index}", "")
            while joined.index == 0 and time.monotonic() < until:
                if len(joined.client.key_value_dir_get(_TOLD)) == joined.count:
                    time.sleep(POLL)  # the last one is about to exit
                    break
                time.sleep(POLL / 5)
        os._exit(code)


def on_abort(line: str, code: int = signals.STOPPED) -> None:
    """Makes an abort of this process by JAX, since others are gone, end it with a line and a code.

    An empty line is not printed.
    """
    global _said, _code
    _said, _code = line, code
    # Python's own handlers run too late.
    ctypes.CDLL(None).signal(int(signal.SIGABRT), _HANDLER)


def printed(line: str) -> None:
    """Prints a line to stderr, if anybody reads it."""
    with contextlib.suppress(OSError, ValueError):  # nobody reads
        print(line, file=sys.stderr, flush=True)
        sys.stdout.flush()


def _aborted(_number: int) -> None:
    """Ends a process that JAX aborts, since others are gone.

    JAX offers no other place for it: a callback of its client cannot be written in Python, since
    it takes a type that has none.
    """
    if _said:
        os.write(2, f"\nerror: {_said}\n".encode())
    os._exit(_code)


_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)(_aborted)
