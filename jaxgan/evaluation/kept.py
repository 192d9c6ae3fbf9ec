"""What metrics compute of real items alone, remembered in the user's cache folder.

An entry is an .npz of arrays below $XDG_CACHE_HOME/jaxgan/evaluation, named by all that it follows
from: the content of the data, which items, and what was computed of them. It is read without
executing anything and within bounds; one that is damaged is computed again. The folder may be
deleted at any time.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.data import content
from jaxgan.data.source import digest
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason
from jaxgan.weights import contents

Arrays = dict[str, np.ndarray]

VERSION = 1  # of what is computed; a change of code that changes figures raises it
_MARK = "digest"  # the array's name that identifies the others


def arrays(stamp: Mapping[str, Any], compute: Callable[[], Arrays]) -> Arrays:
    """Returns `compute()`, or what it gave earlier under the same stamp.

    Args:
      stamp: all that the arrays follow from, as JSON has it; nothing is kept where its 'content',
        the fingerprint of the data, is ''.
      compute: returns arrays by name, none of them empty.
    """
    if not stamp["content"]:
        return compute()
    key = content.hashed(json.dumps([VERSION, stamp], sort_keys=True).encode())
    path = content.cache("evaluation") / f"{key}.npz"
    found = _read(path)
    if found is None:
        found = compute()
        _write(path, found)
    return found


def _read(path: Path) -> Arrays | None:
    """Returns the arrays of an entry; None where there is none that is whole."""
    if not path.exists():
        return None
    try:
        found = dict(contents.read(path).arrays)
        mark = found.pop(_MARK, np.zeros(0, np.uint8)).tobytes()
        if mark != _mark(found):
            raise UserError(f"{path}: changed since it was written")
    except UserError as error:
        print(f"warning: {error}; it is computed again", file=sys.stderr)
        return None
    return found


def _mark(found: Arrays) -> bytes:
    return digest(found).encode()


def _write(path: Path, found: Arrays) -> None:
    """Writes an entry; one that cannot be written costs time at the next evaluation, no more."""
    marked = found | {_MARK: np.frombuffer(_mark(found), np.uint8)}
    part = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            part = file.name
            np.savez(file, **marked)
        os.replace(part, path)
    except OSError as error:
        Path(part).unlink(missing_ok=True) if part else None
        print(
            f"warning: cannot write {path} ({reason(error)}), so the real images will be read "
            "again; set XDG_CACHE_HOME to a folder that can be written",
            file=sys.stderr,
        )
