"""Copies of what lies in a store, for commands that read: a run's records, a checkpoint, data.

They are below ~/.cache/jaxgan/remote and may be deleted at any time. What has not changed in the
store is not fetched again.
"""

import contextlib
import fcntl
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jaxgan.runtime import files, paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import contents, store, urls
from jaxgan.runtime.remote.store import Found

_PICTURES = re.compile(rf"{contents.RECORDS.pattern}|samples/|table\.|samples\.png$")


def check(folder: Path, flag: str) -> None:
    """Refuses a run's folder that cannot be read; of one in a store, what the URL alone shows.

    Raises:
      UserError: the reason, in one line.
    """
    if url := urls.of(folder):
        store.check(url, flag)
    else:
        paths.check_input(folder, flag, folder=True)


def run(
    folder: Path, step: int | None = None, *, checkpoint: bool = True, pictures: bool = False
) -> Path:
    """Returns a run's folder, of one in a store the folder of its copy, which it brings up to date.

    Args:
      folder: of a run, or its URL.
      step: of the checkpoint that is needed; None for the newest.
      checkpoint: whether one is needed; records always are, and what `pictures` says.
      pictures: whether samples are needed too.

    Raises:
      UserError: no run or no such checkpoint there, or the store cannot be read.
    """
    url = urls.of(folder)
    if not url:
        return folder
    home = urls.place(url, "copy")
    with _alone(home):
        remote = store.listing(url)
        if contents.FIRST not in remote and "sweep.json" not in remote:
            raise UserError(f"{url} holds no run (no {contents.FIRST}); train one with jaxgan.main")
        saves: Mapping[str, int] = {}
        if checkpoint:
            kept = contents.markers(url, remote)
            if step is not None and step not in kept:
                raise UserError(f"--step={step}: {url} keeps {', '.join(map(str, sorted(kept)))}")
            saves = kept[max(kept) if step is None else step] if kept else {}
        records = _PICTURES if pictures else contents.RECORDS
        return _fetched(url, home, remote, list(contents.chosen(remote, saves, records)))


def steps(folder: Path) -> list[int]:
    """Returns the steps of a run's complete checkpoints, in order; of one in a store too."""
    if url := urls.of(folder):
        return sorted(contents.markers(url, store.listing(url)))
    place = folder / "checkpoints"
    names = [path.name for path in place.iterdir()] if place.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal())


def here(folder: Path) -> Path:
    """Returns a run's folder, of one in a store that of its copy, as `run` left it."""
    url = urls.of(folder)
    return urls.place(url, "copy") / urls.name(url) if url else folder


def send(folder: Path, names: Sequence[str]) -> None:
    """Sends files, and folders of files, of a run's copy to its store; of others it does nothing.

    A run that trains meanwhile does not know of them: what it sends later replaces them.

    Raises:
      UserError: the store cannot be written.
    """
    if not (url := urls.of(folder)):
        return
    place = here(folder)
    for name in names:
        top = place / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                store.send(path, f"{url}/{path.relative_to(place).as_posix()}")


def data(url: str) -> Path:
    """Returns the copy of a file or folder of data, which is made once for each content.

    Raises:
      UserError: there is nothing, or the store cannot be read.
    """
    home = urls.place(url, "data")
    with _alone(home):
        if found := store.info(url):
            above, _, name = url.rpartition("/")
            return _fetched(above, home, {name: found}, [name], home) / name
        remote = store.listing(url)
        if not remote:
            raise UserError(f"config.data: {url}: there is nothing of that name")
        return _fetched(url, home, remote, list(remote))


def _fetched(
    url: str,
    home: Path,
    remote: Mapping[str, Found],
    wanted: Sequence[str],
    place: Path | None = None,
) -> Path:
    """Brings a copy up to date and returns its folder: what is wanted is there, and as it is now.

    Of a checkpoint of which anything has changed nothing stays.
    """
    place, state = place or home / urls.name(url), home / "fetched.json"
    known = json.loads(state.read_text()) if state.exists() else {}
    now = {name: [found.size, found.version] for name, found in remote.items()}
    old = {name for name, stamp in known.items() if now.get(name) != stamp}
    for name in old:
        if name.startswith("checkpoints/"):
            shutil.rmtree(place / "checkpoints" / name.split("/")[1], ignore_errors=True)
        (place / name).unlink(missing_ok=True)
    known = {name: stamp for name, stamp in known.items() if (place / name).exists()}
    files.folder(place)
    files.write(state, json.dumps(known))
    needed = {name: remote[name] for name in wanted if name not in known}
    store.fetch(url, needed, place)
    files.write(state, json.dumps(known | {name: now[name] for name in needed}))
    return place


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Waits until no other process fetches to the same folder."""
    files.folder(home)
    with (home / ".lock").open("w") as file:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
