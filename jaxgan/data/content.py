"""Identifies files by their content; what was hashed once is remembered by size and times."""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason
from jaxgan.runtime.remote import copies, urls

_SETTLED = 2e9  # nanoseconds after a change; a further one may show in no time before that


class Mark(NamedTuple):
    """A digest, hexadecimal; or '' and the reason why there is none."""

    digest: str
    error: str = ""


def cache(kind: str) -> Path:
    """Returns $XDG_CACHE_HOME/jaxgan/<kind>, by default below ~/.cache; it may not exist."""
    return environment.caches() / "jaxgan" / kind


def home(path: str) -> Path:
    """Returns a path in which ~ is the user's home; of a URL the path of a copy, see copies.data.

    Raises:
      UserError: there is no such user, or no home; or the URL cannot be read.
    """
    if url := urls.of(path):
        return copies.data(url)
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"config.data: {path!a}: no such home; write the whole path") from error


def stamp(stat: os.stat_result) -> list[int]:
    """Returns what changes when a file is written: its size and its times.

    The time of the last change of the inode cannot be set, so it also tells a file whose
    modification time was set back.
    """
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def hashed(data: bytes) -> str:
    """Returns 32 hexadecimal digits of bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def sealed(record: Mapping[str, Any]) -> str:
    """Returns a record as JSON, with its digest."""
    body = json.dumps(record)
    return json.dumps([hashed(body.encode()), body])


def opened(text: str) -> dict[str, Any]:
    """Returns the record that `sealed` made a text of.

    Raises:
      ValueError: it is not, or not whole.
    """
    parts = json.loads(text)
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[1], str):
        raise ValueError("no record")
    if hashed(parts[1].encode(errors="surrogatepass")) != parts[0]:
        raise ValueError("a record that was changed")
    return json.loads(parts[1])


def marks(
    root: Path, stamps: Mapping[str, Sequence[int]], compute: Callable[[str], str], kind: str = ""
) -> dict[str, Mark]:
    """Returns the digest of each name, computed where its stamp is not the remembered one.

    The index is one file below the cache folder for each root; it may be deleted at any time.

    Args:
      root: what the names belong to.
      stamps: by name, see `stamp`.
      compute: returns a name's digest; what it raises becomes the name's error.
      kind: of what is remembered, where that is no digest of the content.
    """
    from tqdm import tqdm

    key = hashed(os.fsencode(root.resolve()) + kind.encode())
    path = cache("index") / f"{key}.json"
    known = _read(path)
    now = time.time_ns()
    found = {name: Mark(known[name][-1]) for name in stamps if _same(known.get(name), stamps[name])}
    missing = [name for name in stamps if name not in found]
    pool = ThreadPoolExecutor()  # reading and hashing run without the GIL
    try:
        fresh = pool.map(lambda name: _mark(compute, name), missing)
        bar = tqdm(fresh, f"reading {root}", len(missing), unit="file", delay=1, file=sys.stderr)
        found |= zip(missing, bar, strict=True)
    finally:  # on Ctrl-C, cancel what is queued
        pool.shutdown(cancel_futures=True)
    settled = {
        name: [*stamps[name], mark.digest]
        for name, mark in found.items()
        if mark.digest and now - stamps[name][2] > _SETTLED
    }
    if settled != known:
        _write(path, settled)
    return {name: found[name] for name in stamps}


def _mark(compute: Callable[[str], str], name: str) -> Mark:
    # A member of an archive raises whatever its decompressor does.
    try:
        return Mark(compute(name))
    except Exception as error:
        return Mark("", reason(error))


def _same(entry: Sequence[int | str] | None, stamped: Sequence[int]) -> bool:
    return entry is not None and list(entry[:-1]) == list(stamped)


def _read(path: Path) -> dict[str, list[int | str]]:
    """Returns the remembered stamps and digests by name; none where there is no whole index."""
    try:
        return opened(path.read_text())
    except (OSError, ValueError):
        return {}


def _write(path: Path, entries: Mapping[str, Sequence[int | str]]) -> None:
    """Replaces an index; one that cannot be written costs time at the next start, no more."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            file.write(sealed(entries))
        os.replace(file.name, path)
    except OSError as error:
        print(
            f"warning: config.data: cannot write {path} ({reason(error)}), so the data will be "
            "read again at the next start; set XDG_CACHE_HOME to a folder that can be written",
            file=sys.stderr,
        )
