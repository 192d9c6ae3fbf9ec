"""The processes of one run: how they meet, what they tell each other, and how they end together.

JAX detects them or is told, and process 0 hosts the service through which they speak. Every wait
has a name and an end. What ends one process ends all, see failure.py.

A command that never calls `start` is one process, and all of this does nothing.
"""

import argparse
import contextlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxgan.runtime import failure, signals
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.failure import Joined, on_abort, printed
from jaxgan.runtime.paths import reason

AUTO, OFF = "auto", "off"
# Seconds: for all to start; without a heartbeat until a process counts as dead; for all to come
# to the end, and to a meeting that nothing long precedes.
START, HEARTBEAT, END, SOON = 300, 25, 3600, 120
_LONG = 10  # seconds of waiting after which a line says so
_ALONE = "coordinator_address should be defined."  # JAX's ValueError where it detects no cluster


class Explicit(NamedTuple):
    """Where process 0 listens, HOST:PORT; how many processes there are; which one this is."""

    address: str
    count: int
    index: int


_joined: Joined | None = None
_meetings: dict[str, int] = {}  # by name, how many there were


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
        except RuntimeError:
            if given == AUTO:  # JAX has its devices already, as in a notebook: too late to join
                return
            raise
    count, index = jax.process_count(), jax.process_index()
    if count == 1:
        signals.install()  # JAX took SIGTERM for several processes
        return
    _joined = Joined(index, count, _client(), threading.Event())
    on_abort(
        f"process {index}: another process of the run has ended or is out of reach; run the same "
        "command to resume from the last checkpoint"
    )
    failure.watch(_joined)
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
    """Ends all processes with one line and a code; of one process it does nothing."""
    if _joined:
        failure.tell(_joined, line, code)


def fail_by(error: Exception) -> None:
    """Ends all processes by an error that is nobody's input; of one process it does nothing."""
    if _joined:
        failure.tell_by(_joined, error)


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

    line = f"process {index()}: waiting for other processes at '{name}', for at most {seconds:g} s"
    long = threading.Timer(_LONG, printed, (line,))
    long.daemon = True
    long.start()
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "DEADLINE_EXCEEDED" not in str(error):
            raise
        raise UserError(
            f"waited {seconds:g} s for other processes at '{name}'; see what they say, stop all, "
            "and run the same command to resume"
        ) from error
    finally:
        long.cancel()


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
                printed(f"warning: {record.getMessage()}")
            elif state.num_processes > 1:
                at = f"process {state.process_id} of {state.num_processes}"
                where = f"at {state.coordinator_address}, for at most {START} s"
                on_abort(f"{at}: not all processes came to {state.coordinator_address} within "
                     f"{START} s; start {state.num_processes} that reach it")  # fmt: skip
                printed(f"{at}: waiting for the others {where}")

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
