"""Trains as jaxgan.main does, and meets a fault at a place in the run, once.

  python faults.py PLACE:N:FAULT FLAGS…

PLACE: step, save, picture or feed; N: at which of them, from 1; FAULT: KILL, TERM or FULL (a disk).
Of a save and a picture process 0 is in the middle: it is writing, or has drawn and not written;
others are at its beginning. `-` is no fault.

$BUCKET is the folder that gs:// is, see tests/runtime/remote/bucket.py.
"""

import errno
import importlib.util
import os
import signal
import time
from pathlib import Path

from jaxgan.main import main
from jaxgan.runtime import environment, errors, processes

PAUSE = 0.6  # seconds of each step after a SIGTERM, of which JAX tells every second


class Fault:
    """Happens once, at the n-th call."""

    def __init__(self, n, kind):
        self.left, self.kind, self.met = n, kind, False

    def __call__(self):
        self.left -= 1
        if self.left:
            return
        self.met = True
        if self.kind == "FULL":
            raise OSError(errno.ENOSPC, "No space left on device")
        os.kill(os.getpid(), getattr(signal, f"SIG{self.kind}"))


def after(owner, name, act):
    """Makes `act` happen after each call, with the call's arguments."""
    known = getattr(owner, name)

    def wrapped(*args, **keywords):
        result = known(*args, **keywords)
        act(*args)
        return result

    setattr(owner, name, wrapped)


def before(owner, name, act):
    """Makes `act` happen before each call, with the call's arguments."""
    known = getattr(owner, name)

    def wrapped(*args, **keywords):
        act(*args)
        return known(*args, **keywords)

    setattr(owner, name, wrapped)


def put(place, fault):
    """Puts a fault in its place."""
    environment.prepare()  # before JAX is imported
    from jaxgan.data.pipeline import Batches
    from jaxgan.training import checkpoint, logger, loop
    from jaxgan.training.snapshots import Snapshots

    def at_once(*_):
        fault()

    def of_one(first):
        """Returns what does it in process 0 alone, or in the others alone."""
        return lambda *_: fault() if processes.first() == first else None

    def slowly(*_):
        if fault.met:
            time.sleep(PAUSE)

    if place == "step":
        after(logger.Meter, "add", at_once)
    elif place == "feed":
        before(Batches, "__call__", at_once)
    elif place == "picture":
        after(Snapshots, "_picture", of_one(True))
        before(Snapshots, "_picture", of_one(False))
    elif fault.kind == "FULL":
        before(checkpoint.integrity, "describe", at_once)
    else:
        after(loop, "save", of_one(True))
        before(loop, "save", of_one(False))
    after(logger.Meter, "add", slowly)


def train(argv):
    """Trains with the fault that the first argument says."""
    if argv[0] != "-":
        place, n, kind = argv[0].split(":")
        put(place, Fault(int(n), kind))
    return main(argv[1:])


if __name__ == "__main__":
    if "BUCKET" in os.environ:
        path = Path(__file__).parents[1] / "runtime/remote/bucket.py"
        spec = importlib.util.spec_from_file_location("bucket", path)
        bucket = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(bucket)
        bucket.use(Path(os.environ["BUCKET"]))
        from jaxgan.runtime.remote import lease, mirror

        mirror.POLL = 0.05
        lease.SILENT = 2.0
    errors.run(train)
