"""Which paths are URLs of an object store, and where on this machine their copies lie."""

import hashlib
import re
from pathlib import Path

from jaxgan.runtime.environment import caches

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])")


def of(path: str | Path) -> str:
    """Returns the URL that a path is, as gs://bucket/run; '' of a path on this machine.

    pathlib makes gs:/bucket/run of it, which is understood too, unless a folder gs: is here.
    """
    text = str(path)
    match = _URL.match(text)
    if not match or Path(f"{match[1]}:").exists():
        return ""
    return f"{match[1]}://{text[match.end() :].rstrip('/')}"


def place(url: str, kind: str) -> Path:
    """Returns the folder of this machine that has the copies of a URL; it may be absent.

    `kind` tells apart what one URL is copied for: "run", "copy", "data".
    """
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return caches() / "jaxgan" / "remote" / f"{kind}-{digest}"


def is_copy(folder: Path) -> bool:
    """Returns whether a folder is one that `place` returned, or below it."""
    return folder.is_relative_to(caches() / "jaxgan" / "remote")


def name(url: str) -> str:
    """Returns the last part of a URL, which names its copy."""
    return url.rpartition("/")[2]
