"""Checks at the start that all processes of a run mean the same run, in a folder they share."""

import contextlib
import json
import secrets
import sys
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
    programs()
    if urls.is_copy(folder):
        return  # of one workdir in a store, of which each process has its own
    content = _mark(folder) if processes.first() else ""
    if not _seen(folder, content, "a file in the workdir")[processes.index()]:
        raise UserError(
            f"--workdir={folder} is not the folder of that name of process 0: its files do not "
            "show here; name one on a disk that all processes share, such as NFS"
        )


def programs() -> None:
    """Says in one line where process 0 keeps compiled programs that others cannot see.

    JAX has the first process alone keep them. JAX could also send each from there to the others;
    but one that the first finds kept is not sent, and they would wait for it in vain.
    """
    mine = jax.config.jax_compilation_cache_dir if jax.config.jax_enable_compilation_cache else ""
    names = processes.words("the folder of compiled programs", mine)
    if not all(names) or any("://" in name for name in names):
        return
    content = ""
    with contextlib.suppress(OSError, UserError):  # JAX warns of a folder that it cannot write
        content = _mark(Path(mine)) if processes.first() else ""
    seen = _seen(Path(mine), content, "a file beside compiled programs")
    if not all(seen) and processes.first():
        print(
            f"compiled programs are kept in {mine} of process 0 alone, and the others compile at "
            "each start; set JAX_COMPILATION_CACHE_DIR to a folder that all of them see",
            file=sys.stderr,
        )


def _mark(folder: Path) -> str:
    """Writes a file of process 0 to a folder and returns its content.

    Raises:
      UserError: it cannot be written.
    """
    content = secrets.token_hex(8)
    files.folder(folder)
    files.write(folder / MARK, content)
    return content


def _seen(folder: Path, content: str, name: str) -> list[bool]:
    """Returns which processes see what process 0 wrote to a folder; `name` is of the meeting."""
    content = processes.word(name, content)
    seen = processes.words(f"{name} is seen", not content or _appears(folder / MARK, content))
    if processes.first():
        (folder / MARK).unlink(missing_ok=True)
    return seen


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
