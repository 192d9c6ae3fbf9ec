"""What is done with objects in a store: listed, read, written, fetched, sent, removed.

The one module that knows fsspec, by which etils.epath reads and writes gs://, s3://, az:// and
hf:// too. A store has neither folders nor locks, and no object is renamed or added to. What fails
as networks do is tried TRIES times in all, with waits that double from WAIT seconds; the clients of
stores try several times each of these.
"""

import concurrent.futures
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jaxgan.runtime.errors import UserError, is_full
from jaxgan.runtime.paths import reason

TRIES, WAIT = 5, 1.0
_THREADS = 8  # objects on their way at once
_PACKAGES = {"gs": "gcsfs", "gcs": "gcsfs", "s3": "s3fs", "az": "adlfs", "abfs": "adlfs",
             "hf": "huggingface_hub"}  # fmt: skip
# What stores say of a caller that they do not know, or that may not do it.
_DENIED = re.compile(r"credential|forbidden|anonymous|denied|unauthorized|\b40[13]\b")
_LOGIN = {
    "gs": "gcloud auth application-default login",
    "s3": "aws configure, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
}
# A store's client may raise anything; these are faults of the program, and stay what they are.
_FAULTS = TypeError | AttributeError | NameError | AssertionError | MemoryError
# What tells one content of an object from another, as the stores call it.
_VERSIONS = ("etag", "ETag", "md5Hash", "generation", "mtime", "updated", "LastModified", "created")

Result = TypeVar("Result")


class Found(NamedTuple):
    """An object: its size in bytes, and what changes whenever it is written."""

    size: int
    version: str


class Gone(Exception):
    """A file of this machine that was to be sent is no longer there."""


def check(url: str, flag: str = "") -> None:
    """Refuses a URL whose store is unknown, or whose package is not installed.

    Raises:
      UserError: what to install, or which stores there are.
    """
    import fsspec

    at = f"{flag}={url}" if flag else url
    scheme, _, rest = url.partition("://")
    try:
        fsspec.get_filesystem_class(scheme)
    except ValueError:
        known = ", ".join(f"{each}://" for each in ("gs", "s3", "az", "hf"))
        raise UserError(f"{at}: {scheme}:// is no store; take {known} or a disk") from None
    except ImportError as error:
        package = _PACKAGES.get(scheme, scheme)
        raise UserError(
            f"{at}: the package {package} is missing ({reason(error)}); pip install {package}"
        ) from error
    if not rest.strip("/"):
        raise UserError(f"{at}: name a bucket and what is in it")


def listing(url: str) -> dict[str, Found]:
    """Returns all objects below a URL by their names relative to it; {} where there are none."""
    fs, root = _opened(url)

    def act() -> dict[str, Found]:
        fs.invalidate_cache()
        try:
            found = fs.find(root, detail=True)
        except FileNotFoundError:  # of some stores, where nothing is
            return {}
        return {
            path[len(root) + 1 :]: Found(int(info["size"] or 0), _version(info))
            for path, info in found.items()
            if path.startswith(f"{root}/") and info["type"] == "file" and path[-1] != "/"
        }

    return _tried(url, "listed", act)


def read(url: str) -> bytes | None:
    """Returns the content of a small object, None where there is none."""
    fs, path = _opened(url)

    def act() -> bytes | None:
        fs.invalidate_cache()
        try:
            return fs.cat_file(path)
        except FileNotFoundError:
            return None

    return _tried(url, "read", act)


def write(url: str, content: bytes) -> None:
    """Replaces a small object."""
    fs, path = _opened(url)
    _tried(url, "written", lambda: fs.pipe_file(path, content))


def info(url: str) -> Found | None:
    """Returns what is known of an object, None where there is none, as of a folder."""
    fs, path = _opened(url)

    def act() -> Found | None:
        fs.invalidate_cache()
        try:
            found = fs.info(path)
        except FileNotFoundError:
            return None
        if found.get("type") == "directory":
            return None
        return Found(int(found["size"] or 0), _version(found))

    return _tried(url, "read", act)


def send(path: Path, url: str) -> None:
    """Replaces an object by a file.

    Raises:
      Gone: the file has been removed meanwhile.
    """
    fs, to = _opened(url)

    def act() -> None:
        try:
            fs.put_file(str(path), to)
        except FileNotFoundError as error:
            if not path.exists():
                raise Gone(path) from error
            raise

    _tried(url, "written", act)


def fetch(url: str, wanted: Mapping[str, Found], folder: Path) -> None:
    """Copies objects below a URL, by their relative names, to a folder; each whole or not at all.

    Raises:
      UserError: one of them cannot be read; a full disk stays an OSError.
    """
    fs, root = _opened(url)

    def one(name: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")

        def act() -> None:
            fs.get_file(f"{root}/{name}" if name else root, str(part))
            if (size := part.stat().st_size) != wanted[name].size:
                fs.invalidate_cache()  # it may have been written anew since it was listed
                if size != (now := fs.info(f"{root}/{name}" if name else root)["size"]):
                    raise OSError(f"{size} bytes came of {now}")

        _tried(f"{url}/{name}", "read", act)
        part.replace(path)

    for name in wanted:
        if name.startswith("/") or ".." in name.split("/"):
            raise UserError(f"{url}/{name}: no name of a file; remove the object")
    in_parallel(one, wanted)


def remove(urls: Iterable[str]) -> None:
    """Removes objects; those that are gone already are no error."""

    def one(url: str) -> None:
        fs, path = _opened(url)

        def act() -> None:
            try:
                fs.rm_file(path)
            except FileNotFoundError:
                return

        _tried(url, "removed", act)

    in_parallel(one, urls)


def in_parallel(act: Callable[[str], None], names: Iterable[str]) -> None:
    """Calls a function of each name, several at once; raises the first error, once all ended."""
    with concurrent.futures.ThreadPoolExecutor(_THREADS, "store") as pool:
        for done in [pool.submit(act, name) for name in names]:
            done.result()


def _opened(url: str) -> tuple[Any, str]:
    """Returns the store of a URL and the path there."""
    import fsspec

    check(url)
    for name in ("gcsfs", "s3fs", "adlfs", "fsspec"):  # they log tracebacks of what they raise
        logging.getLogger(name).setLevel(logging.CRITICAL)
    fs, path = _tried(url, "opened", lambda: fsspec.core.url_to_fs(url))
    return fs, path.rstrip("/")


def _version(found: Mapping[str, Any]) -> str:
    return str(next((found[key] for key in _VERSIONS if found.get(key)), ""))


def _tried(url: str, done: str, act: Callable[[], Result]) -> Result:
    """Calls `act` until it succeeds, as the module says.

    Raises:
      UserError: the last cause, with its remedy.
    """
    for n in range(TRIES):
        try:
            return act()
        except Exception as error:
            if isinstance(error, UserError | Gone | _FAULTS) or is_full(error):
                raise
            if (remedy := _remedy(url, error)) or n == TRIES - 1:
                tries = "" if remedy else f", {TRIES} times"
                text = remedy or "see that the network and the store are up"
                cause = f"{type(error).__name__}: {reason(error)}"
                raise UserError(f"{url} cannot be {done} ({cause}{tries}); {text}") from error
            if not n:
                print(f"warning: {url} cannot be {done} ({reason(error)}); it is tried again, "
                      f"{TRIES} times in all", file=sys.stderr, flush=True)  # fmt: skip
        time.sleep(WAIT * 2**n)
    raise AssertionError


def _remedy(url: str, error: Exception) -> str:
    """Returns what helps against an error that does not pass by itself; '' of one that may."""
    scheme, text = url.partition("://")[0], f"{type(error).__name__} {error}".lower()
    if isinstance(error, ImportError):
        return f"pip install {_PACKAGES.get(scheme, scheme)}"
    if isinstance(error, PermissionError) or _DENIED.search(text):
        login = _LOGIN.get(scheme, "the store's own login")
        return f"log in ({login}) as one who may use the bucket"
    if isinstance(error, FileNotFoundError) or "404" in text or "nosuchbucket" in text:
        return f"make the bucket {url.partition('://')[2].partition('/')[0]}, or name another"
    return ""


def stamp(path: Path) -> list[int]:
    """Returns what changes when a file is written: its size and time.

    Raises:
      Gone: there is none.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise Gone(path) from error
    return [found.st_size, found.st_mtime_ns]
