"""A workdir in a store, while a run trains: a folder of this machine, sent as it changes.

A store has no locks, no renames and no appending, which the writers of a workdir need. So they
write here, and a thread sends what is new: whenever a checkpoint is complete, and every EVERY
seconds; at the end, all of it. A checkpoint is sent after everything that a resume from it needs,
and it counts once its marker is there, .jaxgan/checkpoints/STEP, which is written last and removed
first. So a run can be resumed from whatever the store has when a machine is lost, to the same bits.

What cannot be sent is kept here, a line says so, and it is tried again with the next checkpoint;
at the end it is an error. The same command on the same machine sends what is left; on another one
it resumes from what the store has.

Of several processes the first one writes and sends; each of the others fetches for itself.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jaxgan.runtime import files, processes
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.remote import contents, lease, store, urls

EVERY, POLL = 60.0, 1.0
FETCHING = 6 * 3600  # seconds for process 0 to bring both copies to the same state


@contextlib.contextmanager
def mirrored(workdir: Path, keep: int) -> Iterator[Path]:
    """Yields the folder to train in: `workdir`, or of a URL the folder that is sent there.

    `keep` is config.checkpoint.keep: as many of the newest checkpoints are fetched.

    Raises:
      UserError: the store cannot be used, another run trains there, or something is left unsent.
    """
    url = urls.of(workdir)
    if processes.word("the workdir", url) != url:
        raise UserError(f"--workdir={workdir} is not process 0's; give all processes the same one")
    if not url:
        yield workdir
    elif processes.first():
        with _sent(url, keep) as folder:
            yield folder
    else:
        processes.meet("the copy of the workdir", FETCHING)
        home = urls.place(url, f"process{processes.index()}")
        shutil.rmtree(home, ignore_errors=True)
        folder = home / urls.name(url)
        files.folder(folder)
        remote = store.listing(url)
        saves = contents.newest(contents.markers(url, remote), keep)
        store.fetch(url, contents.chosen(remote, saves, contents.RECORDS), folder)
        try:
            yield folder
        finally:
            shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _sent(url: str, keep: int) -> Iterator[Path]:
    home = urls.place(url, "run")
    adopt(url)
    with Lock(home), lease.Lease(url, home / "lease") as held:
        mirror = Mirror(url, home, held)
        mirror.meet(keep)
        processes.meet("the copy of the workdir", FETCHING)
        print(f"{url} is sent from {mirror.folder}", file=sys.stderr)
        with mirror:
            yield mirror.folder


def adopt(url: str) -> None:
    """Marks the checkpoints of a run that was copied to a store, as by gsutil, as complete."""
    remote = store.listing(url)
    if lease.NAME not in remote:
        for step, sizes in contents.markers(url, remote).items():
            store.write(f"{url}/{contents.MARKERS}/{step}", json.dumps(sizes).encode())


class Mirror:
    """Sends a folder to a URL while it is open, and what is left when it is closed."""

    def __init__(self, url: str, home: Path, held: lease.Lease):
        """`home` holds the folder, named as the run, and what is known of what was sent."""
        self.folder, self._url, self._lease = home / urls.name(url), url, held
        self._state = home / "sent.json"
        self._sent: dict[str, list[int]] = {}  # stamps of files, by their names
        self._marked: set[int] = set()  # checkpoints that are complete in the store
        self._seen: dict[str, int] = {}  # checkpoints that were here at the start
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="mirror")
        self._fault: BaseException | None = None

    def meet(self, keep: int) -> None:
        """Brings the folder and the store to the same state, that of who trained last.

        A copy that is not the last one's, with something that was never sent, is set aside.

        Raises:
          UserError: the store is out of reach.
        """
        remote = store.listing(self._url)
        if lease.NAME not in remote:  # which has just been written: do not take it for a new run
            raise UserError(f"{self._url} cannot be listed whole; see that its store is well")
        marked = contents.markers(self._url, remote)
        self._marked = set(marked)
        ready = self._state.exists()  # else a fetch was interrupted, and nothing trained here
        sent, here = (json.loads(self._state.read_text()) if ready else {}), self._here()
        if ready and self._lease.last and (contents.FIRST in here or contents.FIRST not in sent):
            self._sent = {name: s for name, s in sent.items() if contents.is_there(name, s, remote)}
        else:
            self._state.unlink(missing_ok=True)
            if ready and any(sent.get(name) != stamp for name, stamp in here.items()):
                self._set_aside()
            shutil.rmtree(self.folder, ignore_errors=True)
            files.folder(self.folder)
            saves = contents.newest(marked, keep)
            store.fetch(self._url, contents.chosen(remote, saves), self.folder)
            self._sent = self._here()
        self._keep_state()
        self.send()

    def _set_aside(self) -> None:
        aside = self.folder.with_name(f"{self.folder.name}.{time.time_ns()}")
        self.folder.rename(aside)
        print(f"warning: {self.folder} had files that {self._url} has not, from before others "
              f"trained there; they are in {aside}", file=sys.stderr)  # fmt: skip

    def send(self) -> None:
        """Sends what has changed, and removes in the store what was removed here.

        Raises:
          UserError: the store is out of reach, or another run has taken the workdir.
        """
        if self._lease.lost:
            raise UserError(f"{self._url} has been taken by another run")
        steps: dict[int, dict[str, list[int]]] = {}
        for name, stamp in self._here().items():
            if match := contents.STEP.match(name):
                steps.setdefault(int(match[1]), {})[name] = stamp
        here = self._here()  # once more: these records are at least as new as the checkpoints
        if contents.FIRST in self._sent and contents.FIRST not in here:
            raise UserError(
                f"{self.folder} has lost its {contents.FIRST}; nothing is sent to {self._url}"
            )
        self._send_files({name: stamp for name, stamp in here.items() if name == contents.FIRST})
        self._send_files({name: here[name] for name in here if not contents.STEP.match(name)})
        for step in sorted(steps):
            with contextlib.suppress(store.Gone):  # a newer one has come in its place
                self._send_step(step, steps[step])
        self._remove({name for name in self._sent if name not in here})

    def _send_step(self, step: int, content: Mapping[str, list[int]]) -> None:
        """Sends a checkpoint, and then its marker."""
        changed = any(self._sent.get(name) != stamp for name, stamp in content.items())
        if step in self._marked and not changed:
            return
        marker = f"{self._url}/{contents.MARKERS}/{step}"
        store.remove([marker])
        self._marked.discard(step)
        self._send_files(content, strict=True)
        if content != {n: s for n, s in self._here().items() if _is_of(n, step)}:
            raise store.Gone(step)  # it is being removed, or replaced
        sizes = {name: stamp[0] for name, stamp in content.items()}
        store.write(marker, json.dumps(sizes).encode())
        self._marked.add(step)

    def _send_files(self, content: Mapping[str, list[int]], strict: bool = False) -> None:
        """Sends files that have changed; `strict`: none may be gone by then."""

        def one(name: str) -> None:
            try:
                stamp = store.stamp(self.folder / name)
                store.send(self.folder / name, f"{self._url}/{name}")
                self._sent[name] = stamp
            except store.Gone:
                if strict:
                    raise

        changed = [name for name, stamp in content.items() if self._sent.get(name) != stamp]
        try:
            store.in_parallel(one, changed)
        finally:
            if changed:
                self._keep_state()

    def _remove(self, names: set[str]) -> None:
        """Removes in the store what is no longer here; of a checkpoint the marker first."""
        steps = {int(match[1]) for name in names if (match := contents.STEP.match(name))}
        store.remove(f"{self._url}/{contents.MARKERS}/{step}" for step in steps)
        self._marked -= steps
        store.remove(f"{self._url}/{name}" for name in names)
        for name in names:
            del self._sent[name]
        if names:
            self._keep_state()

    def _here(self) -> dict[str, list[int]]:
        """Returns the stamps of the files that are to be in the store, by their names."""
        found = {}
        for folder, _, names in os.walk(self.folder, onerror=_unless_gone):
            for path in (Path(folder) / name for name in names):
                name = path.relative_to(self.folder).as_posix()
                if not contents.NOT_SENT.search(name):
                    with contextlib.suppress(store.Gone):
                        found[name] = store.stamp(path)
        return found

    def _steps(self) -> dict[str, int]:
        """Returns the checkpoints that are complete, and when they became so."""
        found = {}
        for path in (self.folder / "checkpoints").glob("[0-9]*"):
            with contextlib.suppress(store.Gone):
                if path.name.isdecimal():
                    found[path.name] = store.stamp(path)[1]
        return found

    def _keep_state(self) -> None:
        files.write(self._state, json.dumps(self._sent))

    def __enter__(self) -> "Mirror":
        """Starts to send."""
        self._seen = self._steps()
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        """Sends the rest; what cannot be sent is an error, or a line where there is one already."""
        self._over.set()
        self._thread.join()
        if self._fault:
            raise self._fault
        try:
            self.send()
        except UserError as fault:
            line = f"{fault}; what is not in {self._url} is in {self.folder}"
            if error is None:
                raise UserError(f"{line}; the same command here sends it") from fault
            print(f"warning: {line}", file=sys.stderr)

    def _run(self) -> None:
        """Sends whatever is new, until it is closed."""
        seen, at, failed = self._seen, time.monotonic(), False
        try:
            while not self._over.wait(POLL):
                if self._lease.lost:
                    stop_run()
                    return
                now = self._steps()
                if now == seen and time.monotonic() - at < EVERY:
                    continue
                seen, at = now, time.monotonic()
                try:
                    self.send()
                    failed = False
                except UserError as error:
                    if not failed:
                        print(f"\nwarning: {error}; training goes on in {self.folder}, and it is "
                              "tried again", file=sys.stderr, flush=True)  # fmt: skip
                    failed = True
        except BaseException as error:  # which the closing thread raises
            self._fault = error
            stop_run()


def stop_run() -> None:
    """Ends the run after a save, as a scheduler would."""
    os.kill(os.getpid(), signal.SIGTERM)


def _is_of(name: str, step: int) -> bool:
    match = contents.STEP.match(name)
    return bool(match) and int(match[1]) == step


def _unless_gone(error: OSError) -> None:
    """Raises what a walk passes over, but for folders that were removed meanwhile."""
    if not isinstance(error, FileNotFoundError):
        raise error
