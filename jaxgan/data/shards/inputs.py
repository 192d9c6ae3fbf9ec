"""What records are made from: the files of a folder or zip, or the items of any other source."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.kinds import Side
from jaxgan.config.registry import bind
from jaxgan.data import columns, content, labels
from jaxgan.data.decoded import ahead, picture
from jaxgan.data.images import Target, target
from jaxgan.data.load import load, sources
from jaxgan.data.pictures import notes_of
from jaxgan.data.shards.layout import Form
from jaxgan.data.source import Source, digest
from jaxgan.data.survey import Facts, Survey
from jaxgan.data.tree import Tree
from jaxgan.data.tree import tree as listed
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason, shown

_PIECE = 2**24  # bytes of a source's items that are gathered at once


class Item(NamedTuple):
    """An item: its record and label, and of a file what it was; or a file's name and error."""

    record: bytes
    label: int = 0
    facts: Facts | None = None
    name: str = ""
    error: str = ""


class Input(NamedTuple):
    """What records are made from.

    size: of items, those included that turn out to be bad. form: of their records. classes: names,
    () for those by number. mark: says which content it is, as cheaply as can be known. bad: what is
    known to be unreadable, and why. stop: whether a bad file ends it. items: reads a range of them,
    in order. notes: says what was skipped and lost, of a survey and the number of bad files. where:
    what it lies in, for messages.
    """

    size: int
    form: Form
    classes: tuple[str, ...]
    mark: str
    bad: Mapping[str, str]
    stop: bool
    items: Callable[[range], Iterator[Item]]
    notes: Callable[[Survey | None, int], tuple[str, list[str]]]
    where: str


def opened(name: str, settings: Mapping[str, Any], workers: int) -> Input:
    """Opens what records are made from.

    Args:
      name: as config.data.name, of images of one domain. settings: other keys of config.data.
      workers: threads that decode files.

    Raises:
      UserError: what the source of that name refuses, points, or data of two domains.
    """
    kind, _, path = name.partition(":")
    known = sources()
    for key in settings:
        if key not in known.get(kind, settings):
            raise UserError(f"--{key}: {kind}: takes no such option; leave it out")
    if kind in ("folder", "tfds") and "res" not in settings:
        raise UserError(f"--res: {kind}: needs it, in pixels a side; pass --res=64")
    if kind == "folder" and path:
        return bind(_files, settings, at="config.data", given=("path", "workers"))(
            path=path, workers=workers
        )
    return _source(load(name, **settings), name)


def _files(
    path: str,
    workers: int,
    *,
    res: Side,
    channels: int = 3,
    fit: str = "crop",
    bits: int = 0,
    range: tuple[float, float] | None = None,
    on_bad: str = "skip",
) -> Input:
    """Opens a folder or zip as data.sources.folder does, but decodes nothing yet."""
    want = target(res, channels, fit, bits, range)
    if on_bad not in ("skip", "stop"):
        raise UserError(f"config.data.on_bad={on_bad!r}: give 'skip' or 'stop'")
    tree = listed(content.home(path))
    if not tree.readable:
        raise UserError(f"config.data: no file below {tree.root} can be read; give one with images")
    given = labels.read(tree)
    names = columns.names(given.classes)
    size = len(tree.readable)
    if given.labels is not None:
        given = given._replace(labels=columns.labels(given.labels, size, len(names)))
    if given.conditions is not None:
        given = given._replace(conditions=columns.conditions(given.conditions, size))
    dim = 0 if given.conditions is None else given.conditions.shape[1]
    form = Form((res, res, channels), given.labels is not None, dim)

    def notes(seen: Survey | None, bad: int) -> tuple[str, list[str]]:
        if seen is None:
            return "", []
        if bits and not seen.deep:
            raise UserError(f"config.data.bits={bits}: no image has more than 8 bits; remove it")
        seen.warn(fit, ranged=bool(bits or range))
        return seen.original(), [*given.notes, *notes_of(tree, fit, seen, bad)]

    return Input(
        size, form, names, _mark(tree, given), tree.bad, on_bad == "stop",
        _decoder(tree, given, want, form, workers), notes, str(tree.root),
    )  # fmt: skip


def _decoder(
    tree: Tree, given: labels.Columns, want: Target, form: Form, workers: int
) -> Callable[[range], Iterator[Item]]:
    """Returns a function that yields the items of a range of a tree's readable files."""
    files = tree.readable
    pool = ThreadPoolExecutor(workers)  # Pillow decodes and resizes without the GIL

    def decode(row: int) -> Item:
        name = files[row]
        try:
            data = tree.read(name)
        except Exception as error:  # a member of an archive raises whatever its decompressor does
            return Item(b"", name=name, error=reason(error))
        found = picture(tree, name, data, want)
        if isinstance(found, str):
            return Item(b"", name=name, error=found)
        label = 0 if given.labels is None else int(given.labels[row])
        condition = None if given.conditions is None else given.conditions[row]
        return Item(form.pack(found[0], label, condition), label, found[1])

    def items(rows: range) -> Iterator[Item]:
        return ahead(pool, decode, rows, 2 * workers + 2)

    return items


def _mark(tree: Tree, given: labels.Columns) -> str:
    """Returns a digest of the names, sizes and times of files, and of their labels."""
    total = hashlib.blake2b(digest_size=16)
    for name in tree.files:
        stamp = tree.bad.get(name) or tree.stamps[name]
        total.update(f"{name}\0{stamp}\n".encode(errors="surrogateescape"))
    arrays = {"label": given.labels, "condition": given.conditions}
    known = {key: column for key, column in arrays.items() if column is not None}
    return digest(known, total.hexdigest(), *given.classes)


def _source(source: Source, name: str) -> Input:
    """Opens any other source of images."""
    if source.second or source.dtype != "uint8" or len(source.shape) != 3:
        what = "has two domains" if source.second else f"has no 8-bit images, {source.describe()}"
        raise UserError(f"{shown(name)} {what}; records are of images of one domain")
    form = Form(source.shape, bool(source.classes), source.condition_dim)

    def items(rows: range) -> Iterator[Item]:
        step = max(1, _PIECE // form.size)
        for start in range(rows.start, rows.stop, step):
            found = source.gather(np.arange(start, min(start + step, rows.stop)))
            numbers: Sequence[int] = found.get("label", np.zeros(len(found["image"]))).tolist()
            for i, image in enumerate(found["image"]):
                label = int(numbers[i])
                condition = found["condition"][i] if source.condition_dim else None
                yield Item(form.pack(image, label, condition), label)

    return Input(
        size=source.size,
        form=form,
        classes=source.classes,
        mark=source.fingerprint or digest({}, source.describe()),
        bad={},
        stop=False,
        items=items,
        notes=lambda seen, bad: ("", []),
        where=name,
    )
