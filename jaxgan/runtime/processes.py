"""The processes of one run: how they meet, what they tell each other, and how they end together.

JAX detects them or is told, and process 0 hosts the service through which they speak. Every wait
has a name and an end. What ends one process ends all, with one line that is the same on all: it is
told through the service, so that none waits in a collective for one that is gone. A process that
is killed tells nobody; the others lose its connection, or its heartbeat after HEARTBEAT seconds.

A command that never calls `start` is one process, and all of this does nothing.
"""

import argparse
import contextlib
import ctypes
import json
import logging
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from jaxgan.runtime import signals
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

AUTO, OFF = "auto", "off"
# Seconds: for all to start; without a heartbeat until a process counts as dead; for all to come
# to the end, and to a meeting that nothing long precedes; for a failure to reach all.
START, HEARTBEAT, END, SOON, PARTING = 300, 25, 600, 120, 5
_POLL = 0.5  # seconds between looks for a failure of another process
_ALONE = "coordinator_address should be defined."  # JAX's ValueError where it detects no cluster
_FAILED, _TOLD = "jaxgan/failed", "jaxgan/told"
# What errors say, across platforms, when another process has gone in the middle of a step.
_LOST = re.compile(
    r"gloo|nccl|coordination service|heartbeat|barrier|socket closed|connection (reset|closed|refused)"
    r"|unavailable|deadline_exceeded|cancelled|aborted",
    re.IGNORECASE,
)


class Explicit(NamedTuple):
    """Where process 0 listens, HOST:PORT; how many processes there are; which one this is."""

    address: str
    count: int
    index: int


class _Joined(NamedTuple):
    index: int
    count: int
    client: Any  # of JAX's coordination service
    done: threading.Event  # the watch over failures ends


_joined: _Joined | None = None
_meetings: dict[str, int] = {}  # by name, how many there were
_ending = threading.Lock()  # held by the thread that ends the process
_said = ""  # the last line of a process that JAX aborts; set before each kind of wait


def parse(text: str) -> Explicit | str:
    """Returns what --distributed says: AUTO, OFF, or HOST:PORT,N,I."""
    if text in (AUTO, OFF):
        return text
    match = re.fullmatch(r"(\S+):([0-9]{1,5}),([0-9]{1,6}),([0-9]{1,6})", text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"{text}: give auto, off, or HOST:PORT,N,I: where process 0 listens, the number of "
            "processes, and which this is, from 0"
        )
    host, port, count, index = match[1], *map(int, match.groups()[1:])
    if not 0 < port < 2**16:
        raise argparse.ArgumentTypeError(f"{text}: ports are 1 to 65535")
    if index >= count:
        raise argparse.ArgumentTypeError(
            f"{text}: of {count} processes the last is {max(count - 1, 0)}"
        )
    return Explicit(f"{host}:{port}", count, index)


def start(given: Explicit | str) -> None:
    """Joins the run's other processes, if there are any; says before for whom it waits.

    To be called once, before JAX makes its devices.

    Raises:
      UserError: a cluster that is only half known, or a port that is taken.
    """
    global _joined
    if given == OFF or (isinstance(given, Explicit) and given.count == 1):
        return
    import jax

    explicit = {}
    if isinstance(given, Explicit):
        explicit = {
            "coordinator_address": given.address,
            "num_processes": given.count,
            "process_id": given.index,
        }
    with _announcing():
        try:
            jax.distributed.initialize(
                **explicit,
                initialization_timeout=START,
                heartbeat_timeout_seconds=HEARTBEAT,
                shutdown_timeout_seconds=HEARTBEAT,
            )
        except ValueError as error:
            if given == AUTO and str(error) == _ALONE:
                return
            raise UserError(
                f"--distributed={AUTO}: {reason(error)} Pass --distributed=HOST:PORT,N,I, or "
                "--distributed=off for one process"
            ) from error
        except jax.errors.JaxRuntimeError as error:
            where = given.address if isinstance(given, Explicit) else "the detected address"
            raise UserError(
                f"--distributed: process 0 cannot be reached at {where} ({reason(error)}); name a "
                "host that all processes reach and a port that is free there"
            ) from error
    count, index = jax.process_count(), jax.process_index()
    if count == 1:
        signals.install()  # JAX took SIGTERM for several processes
        return
    _joined = _Joined(index, count, _client(), threading.Event())
    _tell_of_aborts()
    _now(f"process {index}: another process of the run has ended or is out of reach; run the same "
         "command to resume from the last checkpoint")  # fmt: skip
    threading.Thread(target=_watch, args=(_joined,), daemon=True, name="failures").start()
    devices = f"{jax.local_device_count()} of {jax.device_count()} devices"
    print(f"process {index} of {count}, {devices}", file=sys.stderr, flush=True)


def count() -> int:
    """Returns how many processes the run has."""
    return _joined.count if _joined else 1


def index() -> int:
    """Returns which process this is, from 0."""
    return _joined.index if _joined else 0


def first() -> bool:
    """Returns whether this is process 0, which alone writes and speaks."""
    return index() == 0


def meet(name: str, seconds: float = SOON) -> None:
    """Waits until all processes are here.

    Raises:
      UserError: some did not come within so many seconds.
    """
    if not _joined:
        return
    with _ended_by(name, seconds):
        _joined.client.wait_at_barrier(_numbered(name), int(seconds * 1000))


def word(name: str, value: Any, seconds: float = SOON) -> Any:
    """Returns process 0's `value`, which JSON can hold, on all processes.

    Raises:
      UserError: it did not come within so many seconds.
    """
    if not _joined:
        return value
    key = _numbered(name)
    if _joined.index == 0:
        _joined.client.key_value_set(key, json.dumps(value))
        return value
    with _ended_by(name, seconds):
        return json.loads(_joined.client.blocking_key_value_get(key, int(seconds * 1000)))


def words(name: str, value: Any, seconds: float = SOON) -> list[Any]:
    """Returns the `value` of each process, by its index; see `word`."""
    if not _joined:
        return [value]
    key = _numbered(name)
    _joined.client.key_value_set(f"{key}/{_joined.index}", json.dumps(value))
    with _ended_by(name, seconds):
        _joined.client.wait_at_barrier(key, int(seconds * 1000))
        said = dict(_joined.client.key_value_dir_get(key))
    return [json.loads(said[f"{key}/{i}"]) for i in range(_joined.count)]


def announce(key: str) -> None:
    """Tells the others that something of this name is there; see `await_announced`."""
    if _joined:
        _joined.client.key_value_set(f"jaxgan/announced/{key}", "", allow_overwrite=True)


def await_announced(key: str, seconds: float) -> None:
    """Waits until process 0 has announced `key`.

    Raises:
      UserError: it has not within so many seconds.
    """
    if _joined:
        with _ended_by(key, seconds):
            _joined.client.blocking_key_value_get(f"jaxgan/announced/{key}", int(seconds * 1000))


def fail(line: str, code: int) -> None:
    """Ends all processes with one line and a code; of one process it does nothing.

    Of several failures all print the one that was told first.
    """
    if not _joined:
        return
    said = json.dumps([f"process {_joined.index}: {line}", code])
    with contextlib.suppress(Exception):  # another was first, or nobody is left to be told
        _joined.client.key_value_set(_FAILED, said)
    _end(_joined, *(_failed(_joined) or json.loads(said)))


def fail_by(error: Exception) -> None:
    """Ends all processes by an error that is nobody's input; of one process it does nothing.

    An error that comes of another process's end waits for what that one told, else says so.
    """
    if not _joined:
        return
    import jax

    line = f"{type(error).__name__}: {reason(error)}"
    if isinstance(error, jax.errors.JaxRuntimeError | ValueError) and _LOST.search(str(error)):
        time.sleep(4 * _POLL)  # the watch ends the process where there was a last word
        with _ending:
            _print(f"error: {_said} ({line})")
            os._exit(signals.STOPPED)
    import traceback

    traceback.print_exception(error)
    fail(line, 1)


def leave() -> None:
    """Ends the run's last meeting, once all have come to it; of one process it does nothing."""
    global _joined
    if not _joined:
        return
    import jax

    meet("the end", END)
    _joined.done.set()
    jax.distributed.shutdown()
    _joined = None


class SharedStop(signals.StopSignal):
    """A stop signal to any process stops all of them before the same step.

    JAX takes SIGTERM from the start and tells all; SIGINT and SIGHUP become one. The time that is
    up is process 0's.
    """

    numbers = tuple(number for number in signals.NUMBERS if number != signal.SIGTERM)

    def __init__(self, seconds: float | None = None) -> None:
        super().__init__(seconds if first() else None)

    def reached(self, n: int) -> bool:
        """Returns whether all stop here; to be called at each dispatch, n one more each time."""
        from jax.experimental import multihost_utils

        stopped = multihost_utils.reached_preemption_sync_point(n)
        if stopped:
            self.timed_out = word("the time is up", self.timed_out)
        return stopped

    def _catch(self, number: int, frame: Any) -> None:
        super()._catch(number, frame)
        signal.raise_signal(signal.SIGTERM)

    def _end_of_time(self, number: int, frame: Any) -> None:
        super()._end_of_time(number, frame)
        signal.raise_signal(signal.SIGTERM)


def stop_signal(seconds: float | None) -> signals.StopSignal:
    """Returns what stops the run: see `signals.StopSignal`, and of several processes SharedStop."""
    return SharedStop(seconds) if _joined else signals.StopSignal(seconds)


def _client() -> Any:
    """JAX offers its coordination service to libraries, such as Orbax, under this name alone."""
    from jax._src import distributed

    return distributed.global_state.client


def _numbered(name: str) -> str:
    _meetings[name] = _meetings.get(name, 0) + 1
    return f"jaxgan/{name}/{_meetings[name]}"


@contextlib.contextmanager
def _ended_by(name: str, seconds: float) -> Iterator[None]:
    """Turns a wait that ended in vain into a UserError; other errors stay what they are."""
    import jax

    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "DEADLINE_EXCEEDED" not in str(error):
            raise
        raise UserError(
            f"waited {seconds:g} s for other processes at '{name}'; see what they say, stop all, "
            "and run the same command to resume"
        ) from error


def _watch(joined: _Joined) -> None:
    """Ends this process once another has failed."""
    while not joined.done.wait(_POLL):
        if told := _failed(joined):
            _end(joined, *told)


def _failed(joined: _Joined) -> tuple[str, int] | None:
    with contextlib.suppress(Exception):  # NOT_FOUND; or a service that is gone, of which JAX tells
        line, code = json.loads(joined.client.key_value_try_get(_FAILED))
        return line, code
    return None


def _end(joined: _Joined, line: str, code: int) -> NoReturn:
    """Prints the line and exits; process 0, which hosts the service, once all have heard of it."""
    with _ending:
        _now(line)
        _print(f"error: {line}")
        until = time.monotonic() + PARTING
        with contextlib.suppress(Exception):  # the service has gone, and with it all the others
            joined.client.key_value_set(f"{_TOLD}/{joined.index}", "")
            while joined.index == 0 and time.monotonic() < until:
                if len(joined.client.key_value_dir_get(_TOLD)) == joined.count:
                    time.sleep(_POLL)  # the last one is about to exit
                    break
                time.sleep(_POLL / 5)
        os._exit(code)


def _now(line: str) -> None:
    """Sets the last line of this process should JAX abort it."""
    global _said
    _said = line


def _print(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads
        print(line, file=sys.stderr, flush=True)
        sys.stdout.flush()


@contextlib.contextmanager
def _announcing() -> Iterator[None]:
    """Says for whom JAX is about to wait: it logs the moment, when it knows all that it waits for.

    Its detection may find no other process, and then nothing is said.
    """
    from jax._src import distributed

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            state = distributed.global_state
            if record.levelno < logging.WARNING and "Connecting" not in record.getMessage():
                return
            if record.levelno >= logging.WARNING:
                _print(f"warning: {record.getMessage()}")
            elif state.num_processes > 1:
                at = f"process {state.process_id} of {state.num_processes}"
                where = f"at {state.coordinator_address}, for at most {START} s"
                _now(f"{at}: not all processes came to {state.coordinator_address} within "
                     f"{START} s; start {state.num_processes} that reach it")  # fmt: skip
                _tell_of_aborts()
                _print(f"{at}: waiting for the others {where}")

    logger, handler = logging.getLogger(distributed.__name__), Handler()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _aborted(_number: int) -> None:
    """Ends a process that JAX aborts, since others are gone, with a line and a scheduler's code.

    JAX offers no other place for it: a callback of its client cannot be written in Python, since
    it takes a type that has none.
    """
    os.write(2, f"\nerror: {_said}\n".encode())
    os._exit(signals.STOPPED)


_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)(_aborted)


def _tell_of_aborts() -> None:
    """Installs `_aborted`, for which Python's own handlers are too late."""
    ctypes.CDLL(None).signal(int(signal.SIGABRT), _HANDLER)
