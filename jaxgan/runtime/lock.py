"""A lock on a folder, so that two processes do not write in one, such as a workdir.

It is an flock on FOLDER/.lock, which the kernel releases however its holder ends, so there are no
stale locks. The file stays, unless what made the folder is refused and leaves nothing else in it.
Who holds it is written in it for the message alone.
"""

import contextlib
import datetime
import errno
import fcntl
import os
import socket
import sys
from pathlib import Path

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

NAME = ".lock"
# What flock(2) says on file systems that have none, such as some network mounts.
_WITHOUT = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL)
_held: set[int] = set()


class Lock:
    """Holds a folder's lock while it is open."""

    def __init__(self, folder: Path, does: str = "trains", flag: str = "--workdir"):
        """`folder`: is made where it is absent. does: what its holder does there, for messages.

        flag: names another one.
        """
        self._folder, self._does, self._flag = folder, does, flag
        self._file = -1
        self._made: list[Path] = []

    def __enter__(self) -> "Lock":
        """Takes the lock, without waiting.

        On a file system without locks one line says so, and the process goes on.

        Raises:
          UserError: another process holds it, or the folder cannot be written.
        """
        above = (self._folder, *self._folder.parents)
        self._made = [each for each in above if not each.exists()]
        files.folder(self._folder)
        path = self._folder / NAME
        with files.writing(path):
            # Python opens files close-on-exec: a command that is started does not keep the lock.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._take()
            # One that was refused may have removed the file between both.
            if not path.exists() or not os.path.samestat(path.stat(), os.fstat(self._file)):
                raise UserError(f"{self._folder} was removed just now; run the same command again")
        except BaseException:
            os.close(self._file)
            raise
        _held.add(self._file)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Releases the lock; what was refused before anything was written leaves no folder."""
        if kind is not None and self._made and os.listdir(self._folder) == [NAME]:
            self._remove()
        _held.discard(self._file)
        os.close(self._file)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):  # another process may come to the folder now
            (self._folder / NAME).unlink()
            for each in self._made:
                each.rmdir()

    def _take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{self._folder} is in use: {self._holder()} {self._does} there; wait for it, "
                f"stop it, or pass another {self._flag}"
            ) from None
        except OSError as error:
            if error.errno not in _WITHOUT:
                raise
            line = f"{self._folder}: its file system has no locks ({error.strerror}); "
            print(f"warning: {line}use it from one process only", file=sys.stderr)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with files.writing(self._folder / NAME):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()} since {now}\n"
                      .encode(), 0)  # fmt: skip

    def _holder(self) -> str:
        text = os.pread(self._file, 200, 0).decode(errors="replace").partition("\n")[0]
        return text if text.startswith("process ") and text.isprintable() else "another process"


def _close_all() -> None:
    """Closes the locks that a fork copied: a child does not keep what its parent holds."""
    for file in _held:
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_close_all)
