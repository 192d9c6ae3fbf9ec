"""Opens data that a flag names, by the readers of jaxgan/data."""

from collections.abc import Collection
from pathlib import Path

from jaxgan.config.registry import nearest
from jaxgan.data import content, decoded
from jaxgan.data.load import load, sources
from jaxgan.data.shards import layout
from jaxgan.data.source import Source
from jaxgan.data.tree import tree
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import is_folder, shown

ARRAYS = (".npz", ".npy")


def named(text: str, flag: str) -> str:
    """Returns config.data.name of a folder, of records too, a .zip, .npz or .npy, or of a name.

    A name such as 'mnist' or 'folder:/path' is preferred to a folder in its place, './mnist'.

    Raises:
      UserError: there is nothing of that name.
    """
    known = sources()
    if text.partition(":")[0] in known:
        return text
    path = Path(text)
    if path.suffix.lower() in ARRAYS:
        return f"array:{text}"
    if is_folder(path.expanduser(), flag):
        prepared = (path.expanduser() / layout.NAME).exists()
        return f"records:{text}" if prepared else f"folder:{text}"
    if path.suffix.lower() == ".zip":
        return f"folder:{text}"
    raise UserError(
        f"{flag}={shown(text)}: no folder, .zip, .npz or .npy, and no data of that name"
        f"{nearest(text.partition(':')[0], known)}"
    )


def opened(text: str, flag: str, res: int = 0, channels: int = 0) -> Source:
    """Opens data by their name, see `named`, without labels of their own where they have none.

    Args:
      text: what the flag says. flag: which one, for messages.
      res: pixels a side that they are brought to; 0 for the size that they have.
      channels: 1, 3 or 4 of readers that convert them; 0 for those that arrays have, else 3.

    Raises:
      UserError: what the reader refuses, two domains, or pictures of several sizes without `res`.
    """
    name = named(text, flag)
    kind, _, path = name.partition(":")
    taken = sources()[kind]
    settings = {"res": res, "channels": channels}
    settings = {key: value for key, value in settings.items() if value and key in taken}
    try:
        if not res and kind == "folder":
            settings["res"] = side(path)
        return load(name, **settings)
    except UserError as error:
        raise UserError(f"{flag}={shown(text)}: {_of_flags(error)}") from error


def side(path: str) -> int:
    """Returns the side in pixels that all pictures of a folder or zip have.

    Raises:
      UserError: they differ, or are not square.
    """
    files = tree(content.home(path))

    def size(name: str) -> str:
        found = decoded.opened(files.read(name), lambda img: f"{img.width} {img.height}")
        return found if found[:1].isdigit() and " " in found else "0 0"

    marks = content.marks(files.root, files.stamps, size, "sizes").values()
    found = {tuple(map(int, mark.digest.split())) for mark in marks if mark.digest} - {(0, 0)}
    if len(found) == 1 and len({*next(iter(found))}) == 1:
        return next(iter(found))[0]
    raise UserError(f"{_sizes(found)}; pass --res=64, say, to bring all to one size, square")


def _sizes(found: Collection[tuple[int, ...]]) -> str:
    """Says which sizes pictures have, the smallest and the largest of several."""
    if not found:
        return "no picture whose size can be read"
    texts = ["x".join(map(str, size)) for size in (min(found), max(found))]
    return f"pictures of {' to '.join(dict.fromkeys(texts))} pixels"


def _of_flags(error: UserError) -> str:
    """Returns a reader's message, in which the keys of a config that are flags here are those."""
    text = str(error).removeprefix("config.data: ")
    for key in ("res", "channels"):
        text = text.replace(f"config.data.{key}", f"--{key}")
    return text
