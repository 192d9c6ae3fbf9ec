"""The files of a data set, in a folder or a zip: which are images, which are passed over."""

import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan.data import content
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".png", ".pgm", ".ppm", ".tif", ".tiff", ".webp"}
)
SIDECARS = ("dataset.json", "conditions.npy")  # read from the top of a tree
_HELPERS = {"@eadir", "#recycle", "$recycle.bin", "lost+found", "system volume information"}
_LARGEST = 2**30  # bytes; Pillow refuses to decode what is larger
_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}


class Tree(NamedTuple):
    """The files below a root, by their paths relative to it, with '/'.

    files: all image files, sorted, bad ones included. stamps: of those that can be read, see
    content.stamp. bad: what cannot be read, and why. passed: what was passed over, in words.
    sidecars: those of SIDECARS that are there. read: returns a file's bytes.
    """

    root: Path
    files: Sequence[str]
    stamps: dict[str, list[int]]
    bad: dict[str, str]
    passed: Sequence[str]
    sidecars: Sequence[str]
    read: Callable[[str], bytes]

    @property
    def readable(self) -> list[str]:
        """The files that are not bad."""
        return [name for name in self.files if name not in self.bad]


class Found:
    """Collects what a walk comes across."""

    def __init__(self) -> None:
        self.stamps: dict[str, list[int]] = {}
        self.bad: dict[str, str] = {}
        self.passed: list[str] = []
        self.sidecars: list[str] = []
        self.tops: set[str] = set()  # folders in the root
        self._others: Counter[str] = Counter()

    def file(self, name: str, size: int, stamp: list[int], problem: str = "") -> None:
        """Records a file; `problem` says why it cannot be read.

        Raises:
          UserError: a sidecar that cannot be read.
        """
        suffix = os.path.splitext(name)[1].lower()
        if name in SIDECARS and problem:
            raise UserError(f"config.data: {name} is {problem}; remove or replace it")
        if name in SIDECARS:
            self.sidecars.append(name)
        elif suffix not in SUFFIXES and (suffix or not problem):
            self._others[suffix] += 1
        elif problem or size > _LARGEST:
            self.bad[name] = problem or f"{size / 1e9:.1f} GB are too many for an image"
        else:
            self.stamps[name] = stamp

    def tree(self, root: Path, read: Callable[[str], bytes]) -> Tree:
        """Returns what was collected.

        Raises:
          UserError: there is no image.
        """
        files = sorted(name for name in {*self.stamps, *self.bad} if is_image(name))
        others = [f"{n} {suffix or 'suffixless'}" for suffix, n in self._others.most_common(5)]
        empty = self.tops - {name.partition("/")[0] for name in files}
        passed = sorted([*self.passed, *(f"{name} (no image)" for name in empty)])
        passed += [f"other files ({', '.join(others)})"] if others else []
        if not self.stamps and not self.bad:
            also = f"; passed over: {', '.join(passed)}" if passed else ""
            raise UserError(
                f"config.data: no images below {root}; supported formats: "
                + ", ".join(suffix[1:] for suffix in sorted(SUFFIXES))
                + also
            )
        return Tree(root, files, self.stamps, self.bad, passed, self.sidecars, read)


def is_image(name: str) -> bool:
    """Returns whether a file's suffix is that of an image."""
    return os.path.splitext(name)[1].lower() in SUFFIXES


def is_hidden(name: str, *, folder: bool) -> bool:
    """Returns whether a name is that of a hidden file, or of a hidden or helper folder."""
    helper = name.startswith("__") or name.lower() in _HELPERS
    return name.startswith(".") or (folder and helper)


def tree(root: Path) -> Tree:
    """Lists the image files below a folder or in a zip.

    Raises:
      UserError: neither is there, or it has no image.
    """
    try:
        is_folder = stat.S_ISDIR(root.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a name with a NUL
        is_folder = False
    except OSError as error:
        raise UserError(
            f"config.data: {root} cannot be read ({reason(error)}); check the path after 'folder:'"
        ) from error
    if is_folder:
        return _folder(root)
    if not root.exists():
        raise UserError(f"config.data: no folder {root}; check the path after 'folder:'")
    if root.suffix in (".npz", ".npy"):
        raise UserError(f"config.data: {root} is a NumPy file; write array:{root}")
    if not root.is_file() or not zipfile.is_zipfile(root):
        raise UserError(
            f"config.data: {root} is no folder and no whole zip; give a folder of images, or a zip "
            "of one"
        )
    return _zip(root)


def _folder(root: Path) -> Tree:
    """Walks a folder; each folder is visited once, by its own path before any link to it."""
    found = Found()
    seen: set[tuple[int, int]] = set()
    kernel = _kernel()
    folders: list[str] = [""]
    links: list[str] = []
    while folders or links:
        is_link = not folders
        links.sort(reverse=True)
        name = links.pop() if is_link else folders.pop()
        try:
            at = os.stat(root / name)
            if (at.st_dev, at.st_ino) in seen:
                found.passed.append(f"{name} (links to a folder that is read already)")
                continue
            seen.add((at.st_dev, at.st_ino))
            if at.st_dev in kernel:
                found.passed.append(f"{name or root} (the kernel's, not files)")
                continue
            with os.scandir(root / name) as entries:
                for entry in entries:
                    _entry(found, name, entry, folders, links)
            found.tops |= {name} if name and "/" not in name else set()
        except OSError as error:
            found.bad[name or "."] = reason(error)
    return found.tree(root, lambda name: (root / name).read_bytes())


def _kernel() -> set[int]:
    """Returns the devices of /proc and /sys: their files are made when they are read, without end.

    /proc/self has links to the root of all files, too.
    """
    return {os.stat(path).st_dev for path in ("/proc", "/sys") if os.path.ismount(path)}


def _entry(
    found: Found, parent: str, entry: "os.DirEntry[str]", folders: list[str], links: list[str]
) -> None:
    """Records a file, or appends a folder to those that remain to be visited."""
    name = f"{parent}/{entry.name}" if parent else entry.name
    try:
        at = entry.stat()
    except OSError as error:  # a link to nothing or to itself, or no permission
        problem = "a link to nothing" if entry.is_symlink() else reason(error)
        if not is_hidden(entry.name, folder=True):  # without a suffix it may be a class's folder
            found.file(name, 0, [], problem)
        return
    is_folder = stat.S_ISDIR(at.st_mode)
    if is_hidden(entry.name, folder=is_folder):
        found.passed += [name] if is_folder or is_image(name) else []
    elif is_folder and not is_image(name):
        (links if entry.is_symlink() else folders).append(name)
    else:
        kind = stat.S_IFMT(at.st_mode)
        problem = "" if kind == stat.S_IFREG else _KINDS.get(kind, "a device")
        found.file(name, at.st_size, content.stamp(at), problem and f"{problem}, not a file")


def _zip(path: Path) -> Tree:
    """Lists a zip. Nothing is unpacked to disk: members are read into memory, one at a time."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(
            f"config.data: {path} is not a readable zip ({reason(error)}); make it again"
        ) from error
    found, stamp = Found(), content.stamp(path.stat())
    every = {_plain(info.filename): info for info in archive.infolist()}
    members = {name: info for name, info in every.items() if not info.is_dir()}
    names = Counter(_plain(each.filename) for each in archive.infolist() if not each.is_dir())
    top = _common(members)
    passed = set()
    for name, info in every.items():
        if f"{name}/" == top:
            continue
        *above, leaf = name.removeprefix(top).split("/")
        above += [leaf] if info.is_dir() else []
        helper = next((i for i, part in enumerate(above) if is_hidden(part, folder=True)), None)
        if helper is not None:
            passed.add("/".join(above[: helper + 1]))
            continue
        found.tops |= set(above[:1])
        if not info.is_dir() and not is_hidden(leaf, folder=False):
            stamped = [*stamp, info.CRC, info.file_size]
            found.file(name.removeprefix(top), info.file_size, stamped, _problem(info))
        elif is_image(leaf) and not info.is_dir():
            passed.add(name.removeprefix(top))
    twice = [name.removeprefix(top) for name, n in names.items() if n > 1 and is_image(name)]
    found.passed += [*passed, *(f"{name} (all but the last of that name)" for name in twice)]
    return found.tree(path, lambda name: archive.read(members[top + name]))


def _plain(name: str) -> str:
    """Returns a member's path with '/', without '.' and without an end that marks a folder."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _common(members: Iterable[str]) -> str:
    """Returns the folder, with '/', that a zip of a folder starts all names with, or ''.

    That of a single class, which has images right below it, is no such folder.
    """
    visible = [m for m in members if not any(is_hidden(p, folder=True) for p in m.split("/"))]
    tops = {name.partition("/")[0] for name in visible}
    rest = [name.partition("/")[2] for name in visible]
    nested = all(rest) and (
        any(name in SIDECARS for name in rest)
        or not any(is_image(name) and "/" not in name for name in rest)
    )
    return f"{tops.pop()}/" if len(tops) == 1 and nested else ""


def _problem(info: zipfile.ZipInfo) -> str:
    """Returns why a member of a zip cannot be read, or ''."""
    if info.flag_bits & 1:
        return "encrypted"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link, not a file"
    return ""
