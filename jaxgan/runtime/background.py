"""Work in a thread, in order; a command waits for a piece of it only where it needs that piece."""

import atexit
import contextlib
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent import futures
from concurrent.futures import Future
from typing import Any

POLL = 0.1  # seconds between looks at whether a wait is still wanted
_RUNNING: set["Background"] = set()


class Background:
    """A thread that runs tasks in the order in which they are given.

    What it runs cannot be stopped, and by `close` nobody waits for it: a signal that ends the
    process is not delayed by a compiler.
    """

    def __init__(self, around: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
        """`around`: makes the context, which belongs to a thread, that every task runs in."""
        self._around = around
        self._tasks: dict[Hashable, Future[None]] = {}
        self._queue: queue.SimpleQueue[tuple[Future[None], Callable[[], Any]] | None]
        self._queue = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, name: Hashable, task: Callable[[], Any]) -> None:
        """Queues a task, unless one of this name has been."""
        if name in self._tasks:
            return
        self._tasks[name] = Future()
        self._queue.put((self._tasks[name], task))
        if not self._thread:
            self._thread = threading.Thread(target=self._run, daemon=True, name="background")
            _RUNNING.add(self)
            self._thread.start()

    def wait(self, name: Hashable, stopped: Callable[[], bool] | None = None) -> bool:
        """Waits for a task that was submitted, and raises what it raised.

        Returns whether it has ended: False once `stopped` says that nobody needs it any more.
        """
        task = self._tasks[name]
        while stopped and not task.done():
            if stopped():
                return False
            futures.wait([task], POLL)
        task.result()
        return True

    def done(self, name: Hashable) -> bool:
        """Returns whether a task has ended."""
        return name in self._tasks and self._tasks[name].done()

    def close(self) -> None:
        """Drops what is queued; the thread ends with the task that it runs."""
        for task in self._tasks.values():
            task.cancel()
        self._queue.put(None)

    def join(self) -> None:
        """Waits for the thread, once closed."""
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while given := self._queue.get():
            future, task = given
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with self._around():
                    task()
            except BaseException as error:  # noqa: BLE001  raised by `wait`
                future.set_exception(error)
            else:
                future.set_result(None)
        _RUNNING.discard(self)


def busy() -> bool:
    """Returns whether a thread still runs what nobody waits for."""
    return bool(_RUNNING)


@atexit.register
def _end() -> None:
    """Waits for what runs: the interpreter must not end under it. `errors.run` does not wait."""
    for each in list(_RUNNING):
        each.close()
        each.join()
