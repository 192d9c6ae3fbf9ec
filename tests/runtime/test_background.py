"""Work in a thread: its order, its errors, and an exit that does not wait for it."""

import contextlib
import subprocess
import sys
import threading

import pytest

from jaxgan.runtime import background
from jaxgan.runtime.background import Background

COMMAND = """
import time
from jaxgan.runtime import errors
from jaxgan.runtime.background import Background

def command(argv):
    worker = Background(lambda: __import__("contextlib").nullcontext())
    worker.submit("first", lambda: print("ran"))
    worker.wait("first")
    worker.submit("endless", lambda: time.sleep(3600))
    worker.close()
    return 75

errors.run(command)
"""


def test_tasks_run_once_each_in_order_and_within_the_context():
    seen, entered = [], []

    @contextlib.contextmanager
    def around():
        entered.append(threading.current_thread().name)
        yield

    worker = Background(around)
    for name in ("a", "b", "a"):
        worker.submit(name, lambda name=name: seen.append(name))
    worker.wait("b")
    assert seen == ["a", "b"] and entered == ["background"] * 2
    worker.close()
    worker.join()
    assert worker not in background._RUNNING


def test_an_error_is_raised_by_the_wait_and_later_tasks_run():
    worker = Background(contextlib.nullcontext)
    worker.submit("bad", lambda: 1 // 0)
    worker.submit("good", lambda: None)
    worker.wait("good")
    with pytest.raises(ZeroDivisionError):
        worker.wait("bad")
    worker.close()


def test_a_wait_ends_where_nobody_needs_the_task_any_more():
    go, asked = threading.Event(), []
    worker = Background(contextlib.nullcontext)
    worker.submit("held", go.wait)
    worker.submit("late", lambda: 1 // 0)
    assert not worker.wait("held", lambda: len(asked) == 2 or asked.append(0))
    go.set()
    assert worker.wait("held", lambda: False)
    with pytest.raises(ZeroDivisionError):
        worker.wait("late", lambda: False)
    worker.close()


def test_what_is_queued_when_it_closes_does_not_run():
    begun, go, seen = threading.Event(), threading.Event(), []

    def hold():
        begun.set()
        go.wait()

    worker = Background(contextlib.nullcontext)
    worker.submit("held", hold)
    worker.submit("late", lambda: seen.append("late"))
    begun.wait()
    worker.close()
    assert background.busy()
    go.set()
    worker.join()
    assert not seen and worker not in background._RUNNING


def test_a_command_ends_with_its_code_while_a_task_runs():
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, timeout=300)
    assert (done.returncode, done.stdout) == (75, b"ran\n"), done.stderr
