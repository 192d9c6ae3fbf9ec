"""Checks at the start that all processes of a run mean the same run, in a folder they share."""

import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxgan.runtime import files, processes
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import urls
from jaxgan.training.workdir import Record

MARK = ".shared"
APPEARS = 10  # seconds in which a file shows on the other hosts of a network's file system
_NAMED = 3  # differing keys that a message names


def check(folder: Path, record: Record, override: Sequence[str]) -> None:
    """Compares this process's run and folder with those of process 0.

    Raises:
      UserError: another config, other data, another version of JAX, or a folder of its own.
    """
    if processes.count() == 1:
        return
    mine = dict(_flat(_described(record, override)))
    theirs = processes.word("the config and the data", mine)
    if other := [key for key in mine | theirs if mine.get(key) != theirs.get(key)]:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        raise UserError(
            f"it differs from process 0 in {', '.join(other[:_NAMED])}{more}; give all processes "
            "the same command, data and versions"
        )
    if urls.is_copy(folder):
        return  # of one workdir in a store, of which each process has its own
    mark = folder / MARK
    if processes.first():
        files.write(mark, secrets.token_hex(8))
    content = mark.read_text() if processes.first() else ""
    content = processes.word("a file in the workdir", content)
    if not _appears(mark, content):
        raise UserError(
            f"--workdir={folder} is not the folder of that name of process 0: its files do not "
            "show here; name one on a disk that all processes share, such as NFS"
        )
    processes.meet("the check of the workdir")
    if processes.first():
        mark.unlink(missing_ok=True)


def _appears(path: Path, content: str) -> bool:
    """Returns whether a file has this content, or comes to have it soon."""
    until = time.monotonic() + APPEARS
    while True:
        try:
            if path.read_text() == content:
                return True
        except OSError:
            pass
        if time.monotonic() > until:
            return False
        time.sleep(0.2)


def _described(record: Record, override: Sequence[str]) -> dict[str, Any]:
    """Returns what must be the same on all processes, as JSON has it."""
    data = {key: record.data[key] for key in ("size", "fingerprint")}
    parts = {"config": record.config, "steps": record.steps, "spec": record.spec._asdict()}
    more = {"data": data, "--override": list(override), "the version of jax": jax.__version__}
    return json.loads(json.dumps({**parts, **more}, default=str))


def _flat(tree: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the leaves of nested dictionaries by their dotted keys."""
    for key, value in tree.items():
        name = f"{at}.{key}" if at else key
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, value
