"""Runs the commands of a sweep's runs as child processes, several at once if asked to.

A child is of a session of its own, so that Ctrl-C reaches it only by this process, which lets it
save; if this process is killed, the kernel sends the child SIGTERM (Linux only).
"""

import collections
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jaxgan.ablation.cells import Job
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.signals import INTERRUPTED, STOPPED, StopSignal

POLL = 0.05  # seconds between looks at the children
PATIENCE = 60  # seconds for a child of a killed sweep to save and end
TIMES = "times.jsonl"
_DEATH = 1  # prctl(2): PR_SET_PDEATHSIG


class Child:
    """A run whose commands are being executed, one after the other."""

    def __init__(self, job: Job, cores: Sequence[int], env: Mapping[str, str]):
        """Starts the first command, on `cores`; on all where there are none."""
        self.job, self._cores, self._env = job, cores, env
        self._stopping = False
        self._commands = collections.deque({"train": job.train, "measure": job.measure}.items())
        files.folder(job.log.parent)
        self._start()

    def _start(self) -> None:
        self._phase, command = self._commands.popleft()
        self._since = time.perf_counter()
        with files.writing(self.job.log):
            self._log = self.job.log.open("ab")
        self._from = self._log.tell()
        before = os.sched_getaffinity(0) if self._cores else ()
        if before:
            os.sched_setaffinity(0, self._cores)  # a child inherits it
        try:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
                env=self._env,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        finally:
            if before:
                os.sched_setaffinity(0, before)

    def ended(self) -> str | None:
        """Starts the next command once one is done.

        Returns:
          None while there is one; '' when all are done; else why one ended.
        """
        code = self._process.poll()
        if code is None:
            return None
        self._log.close()
        seconds = round(time.perf_counter() - self._since, 2)
        row = {"run": self.job.name, "phase": self._phase, "seconds": seconds, "code": code}
        files.append(self.job.workdir.parents[1] / TIMES, f"{json.dumps(row)}\n")
        if code == 0 and self._commands and not self._stopping:
            self._start()
            return None
        if code == -signal.SIGTERM and self._stopping:
            return "stopped"  # before it could catch the signal of `stop`
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        if code in (STOPPED, INTERRUPTED) or (code == 0 and self._commands):
            return "stopped"
        if code:
            files.write(self.job.failed, f"{self._reason(code)}\n")
            return self._reason(code)
        return ""

    def stop(self) -> None:
        """Asks the command to save and end, once: a second signal would end it unsaved."""
        if not self._stopping and self._process.poll() is None:
            self._process.terminate()
        self._stopping = True

    def _reason(self, code: int) -> str:
        """Returns the last error that the command printed."""
        with files.reading(self.job.log), self.job.log.open("rb") as file:
            file.seek(self._from)
            text = file.read().decode(errors="replace").replace("\r", "\n")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        reason = (errors or lines or [f"exit code {code}"])[-1]
        return reason.replace(str(self.job.workdir), "WORKDIR")


def run_all(
    pending: Sequence[Job], at_once: int, stop: StopSignal, tell: Callable[[Job, str, float], None]
) -> None:
    """Runs jobs in their order, `at_once` of them at a time, each on its share of the cores.

    Returns once all have ended; after a signal, once those that had begun have saved.

    Args:
      stop: armed here.
      tell: called when a run has ended, with why, '' if it is done, and its seconds.
    """
    shares, queue = shared_cores(at_once), collections.deque(pending)
    # Several cannot each take most of an accelerator's memory, as jax does by default.
    shared = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} if at_once > 1 else {}
    active: dict[int, Child] = {}
    started: dict[int, float] = {}
    stop.arm()
    while active or (queue and not stop.caught):
        for slot in range(at_once):
            if slot not in active and queue and not stop.caught:
                job = queue.popleft()
                wait_for(job.workdir, stop)
                if job.anew and job.workdir.exists():
                    shutil.rmtree(job.workdir)
                started[slot] = time.perf_counter()
                active[slot] = Child(job, shares[slot], shared | os.environ)
        if stop.caught:
            for child in active.values():
                child.stop()
        for slot, child in list(active.items()):
            if (reason := child.ended()) is not None:
                del active[slot]
                tell(child.job, reason, time.perf_counter() - started[slot])
        time.sleep(POLL)


def wait_for(folder: Path, stop: StopSignal) -> None:
    """Waits while another process trains in a folder: a child of a sweep that was killed saves."""
    end = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < end and not stop.caught:
        try:
            with Lock(folder):
                return
        except UserError:
            time.sleep(10 * POLL)


def shared_cores(at_once: int) -> list[list[int]]:
    """Returns the cores of each of so many processes; [] for any."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if at_once == 1 or len(cores) < at_once:
        return [[]] * at_once
    return [cores[i::at_once] for i in range(at_once)]


def _die_with_parent() -> None:
    """Asks the kernel to send this process, between fork and exec, SIGTERM when its parent ends."""
    ctypes.CDLL(None).prctl(_DEATH, signal.SIGTERM)
