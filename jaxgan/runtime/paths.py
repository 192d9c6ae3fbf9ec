"""Checks the paths of a command's flags before any work: what is to be written can be."""

import contextlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxgan.runtime.errors import UserError, is_full


def check_folder(path: Path, flag: str) -> None:
    """Refuses a folder that cannot be made or written; leaves none that was not there.

    Args:
      path: a folder, which may not exist yet.
      flag: which flag says so, for messages: "--workdir".

    Raises:
      UserError: the reason, in one line.
    """
    with _told(path, flag):
        for left in reversed(range(5)):
            try:
                _try(path)
                return
            except FileNotFoundError:  # another process of the run tried the same, and removed it
                if not left:
                    raise


def check_file(path: Path, flag: str, suffixes: Sequence[str] = ()) -> None:
    """Refuses a file that cannot be made or written; leaves none that was not there.

    Args:
      path: a file, which may not exist yet.
      flag: which flag says so, for messages: "--out".
      suffixes: endings of which its name needs one; () for any.

    Raises:
      UserError: the reason, in one line.
    """
    if suffixes and path.suffix not in suffixes:
        raise UserError(f"{flag}={shown(path)}: write a {' or '.join(suffixes)}")
    with _told(path, flag):
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder, and a file is needed")
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no regular file")
        _try(path.parent, path.name)


def check_apart(one: Path, flag: str, other: Path, its: str) -> None:
    """Refuses two outputs at one place, of which the second would replace the first.

    Raises:
      UserError: they are one place.
    """
    if one.absolute() == other.absolute() or (one.exists() and one.resolve() == other.resolve()):
        raise UserError(f"{its}={shown(other)}: {flag} is written there; name another place")


def _try(folder: Path, name: str = "") -> None:
    """Makes and writes a folder, or a file in it, and removes what was not there.

    Permissions, read-only disks, names too long and the kernel's own folders say what they refuse
    in that way alone.
    """
    if len(os.fsencode(folder.absolute() / name)) >= os.pathconf("/", "PC_PATH_MAX"):
        raise OSError(0, "File name too long")
    made: list[Path] = []
    try:
        for each in (*reversed(folder.parents), folder):
            if not each.exists():
                each.mkdir(exist_ok=True)
                made.append(each)
        if not folder.is_dir():
            raise NotADirectoryError(0, f"{shown(folder)} is a file, and a folder is needed")
        with tempfile.TemporaryFile(dir=folder):
            pass
        if name:
            path = folder / name
            if path.exists():
                path.open("ab").close()
            else:
                path.touch()
                path.unlink()
    finally:
        with contextlib.suppress(OSError):  # another process of the run tries the same
            for each in reversed(made):
                each.rmdir()


@contextlib.contextmanager
def _told(path: Path, flag: str) -> Iterator[None]:
    """Raises what the system refuses as a UserError; a full disk stays what it is."""
    _check_local(path, flag)
    try:
        yield
    except (OSError, ValueError) as error:  # a ValueError: NUL in the name
        if is_full(error):
            raise
        raise UserError(f"{flag}={shown(path)}: cannot be written: {reason(error)}") from None


def _check_local(path: Path, flag: str) -> None:
    """Refuses gs://bucket/run and the like, of which pathlib would make a folder gs: here."""
    scheme = path.parts[0] if path.parts else ""
    if re.fullmatch(r"[a-z][a-z0-9+.-]+:", scheme) and not Path(scheme).exists():
        at = f"{flag}={shown(path)}"
        raise UserError(f"{at}: {scheme}// is no disk; mount it, and name the folder")


def check_input(path: Path, flag: str, *, folder: bool = False) -> None:
    """Refuses a file, or folder, that is not there, is another thing, or cannot be read.

    Raises:
      UserError: the reason, in one line.
    """
    _check_local(path, flag)
    want = stat.S_ISDIR if folder else stat.S_ISREG
    try:
        if not want(path.stat().st_mode):
            raise UserError(f"{flag}={shown(path)}: needs a {'folder' if folder else 'file'}")
        if folder:
            os.listdir(path)
        else:
            with path.open("rb"):
                pass
    except (OSError, ValueError) as error:
        raise UserError(f"{flag}={shown(path)}: cannot be read: {reason(error)}") from None


def is_folder(path: Path, flag: str) -> bool:
    """Returns whether a path is a folder.

    Raises:
      UserError: a path that no folder can have.
    """
    try:
        return path.is_dir()
    except (OSError, ValueError) as error:
        raise UserError(f"{flag}={shown(path)}: {reason(error)}") from None


def shown(text: object) -> str:
    """Returns a path or name for one line of a message, escaped and of bounded length."""
    return shorten("".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text)))


def shorten(text: str, most: int = 200) -> str:
    """Returns a text, its middle left out where it is long."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 4 :]}"


def reason(error: BaseException) -> str:
    """Returns what an error says on one line, without its number and path; else its type."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shown(" ".join(text.split())) or type(error).__name__
