"""Files that are written whole or not at all, and one line for what cannot be written or read.

A file is written beside its place as NAME.part, flushed to the disk and renamed: a kill or a power
cut leaves the old file or the new one. A .part that is left over is harmless and replaced.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jaxgan.runtime.errors import UserError, is_full
from jaxgan.runtime.paths import reason


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Opens a file whose content replaces `path` once the block ends without an error.

    Raises:
      UserError: it cannot be written; a full disk stays an OSError.
    """
    part = path.with_name(f"{path.name}.part")
    with writing(path):
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


def write(path: Path, content: str) -> None:
    """Replaces `path` by `content`, in UTF-8.

    Raises:
      UserError: as `replacing`.
    """
    with replacing(path) as file:
        file.write(content.encode())


def append(path: Path, content: str) -> None:
    """Adds to a file by one write: a kill cuts no line, and other processes may add to it too.

    Raises:
      UserError: it cannot be written.
    """
    with writing(path), path.open("ab", buffering=0) as file:
        file.write(content.encode())
        os.fsync(file.fileno())


def folder(path: Path) -> None:
    """Makes a folder, and those above it, where it is absent.

    Raises:
      UserError: it cannot be made, or is a file.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says against writing `path` into one line that names it.

    Raises:
      UserError: in place of any OSError but that of a full disk, of which errors.run speaks.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise
        raise UserError(
            f"{path} cannot be written ({reason(error)}); make it writable, move what is in its "
            "place, or name another path"
        ) from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns what the system says against reading `path` into one line that names it.

    Raises:
      UserError: in place of any OSError, and of bytes that are no text.
    """
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} cannot be read ({reason(error)}); mend it, or move it elsewhere"
        ) from error
