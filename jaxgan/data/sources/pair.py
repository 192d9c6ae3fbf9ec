"""Reads two sets of pictures to translate between, in the folders of CycleGAN's downloads."""

import dataclasses
import itertools
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from jaxgan.config.kinds import Side
from jaxgan.data import content, summary
from jaxgan.data.images import SHORTER, Target, target
from jaxgan.data.pictures import Pictures, pictures
from jaxgan.data.source import Source, digest, of_two
from jaxgan.data.tree import Tree, is_hidden
from jaxgan.data.tree import tree as listed
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason, shown

SCALE = 1.12  # the scaled shorter side in sides of the crop: 286 for 256 in Zhu et al. 2017
_LAYOUTS = (("trainA", "trainB", "testA", "testB"), ("train/A", "train/B", "test/A", "test/B"))

Channels = Literal[1, 3, 4]


class _Domain(NamedTuple):
    """The pictures of a folder; those that are `kept`, int64 (n,), are the domain's."""

    tree: Tree
    pictures: Pictures
    kept: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Heights and widths of those that are kept, int64 (n, 2)."""
        return self.pictures.images.sizes[self.kept]

    def source(self, res: int) -> Source:
        """Builds the source of its crops."""
        images, seen = self.pictures.images, self.pictures.seen
        shape = (res, res, images.pixels.shape[-1])
        notes = self.pictures.notes(self.tree, SHORTER)
        if left := len(images.sizes) - len(self.kept):
            notes.append(f"{summary.count(left, 'image')} without a readable counterpart left out")

        def crop(rows: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
            return {"image": images.crops(self.kept[rows], places, res)}

        return Source(
            size=len(self.kept),
            shape=shape,
            gather=lambda rows: crop(rows, np.full((len(rows), 2), 0.5)),
            found=summary.line(len(self.kept), shape, original=seen.original(), notes=notes),
            fingerprint=digest({"kept": self.kept}, self.pictures.fingerprint),
            crop=crop,
        )


def pair(
    path: str,
    *,
    res: Side,
    channels: Channels | tuple[Channels, Channels] = 3,
    aligned: bool = False,
    bits: int = 0,
    range: tuple[float, float] | None = None,
    on_bad: str = "skip",
) -> Source:
    """Reads the pictures of domains A and B below `path`: uint8 (res, res, channels) of each.

    The folders are trainA, trainB, testA and testB, as in CycleGAN's downloads, or train/A,
    train/B, test/A and test/B. Each is read as `folder` reads one, without classes: with its
    subfolders, and decoded once. Numbers and sizes of the pictures of A and B may differ.

    The shorter side becomes int(1.12 * res), by antialiased bicubic interpolation. Training takes
    a square of each picture at random, see Source.crop; tests take the center.

    Test pictures are optional, as nothing is learned from them: without their folders, which
    `found` then says, a run shows and evaluates pictures of training. One test folder alone is
    refused, as half of a set that was not copied whole. One picture is enough for a domain, whose
    critic then learns it by heart, which is warned of.

    Args:
      path: the folder that holds them.
      res: pixels a side of the crops.
      channels: 1 (gray), 3 (RGB) or 4 (RGBA), of both domains or as a list of A's and B's.
      aligned: whether pictures of equal index, sorted by their names without suffixes, belong
        together: they are cropped and mirrored alike, and left out together where one is bad.
      bits, range, on_bad: as of `folder`.

    Raises:
      UserError: folders of neither layout or of both, an empty one, aligned pictures that are no
        pairs, and what `folder` refuses.
    """
    both = channels if isinstance(channels, list | tuple) else (channels, channels)
    wants = [target(res, n, bits=bits, interval=range) for n in both]
    wants = [want._replace(res=int(SCALE * res), fit=SHORTER) for want in wants]
    root = content.home(path)
    names, others = _layout(root)
    halves = [_trees(root, half, aligned) for half in (names[:2], names[2:]) if half]
    train, *test = (_domains(half, wants, aligned, on_bad) for half in halves)
    _check(train, *test, bits=bits, ranged=bool(bits or range))
    source = _two(train, res, aligned)
    notes = [summary.UNTESTED]
    if test:
        notes = ["test: {} of A and {} of B".format(*(len(domain.kept) for domain in test[0]))]
    notes += [f"not read: {summary.names(others, 5)}"] if others else []
    return dataclasses.replace(
        source,
        found="; ".join([source.found, *notes]),
        test=_two(test[0], res, aligned) if test else None,
    )


def _check(train: Sequence[_Domain], *test: Sequence[_Domain], bits: int, ranged: bool) -> None:
    """Warns of what is lost and of single images; refuses `bits` that no image has."""
    seen = [domain.pictures.seen for half in (train, *test) for domain in half]
    if bits and not any(each.deep for each in seen):
        raise UserError(f"config.data.bits={bits}: no image has more than 8 bits; remove it")
    for each in seen:
        each.warn(SHORTER, ranged=ranged)
    for domain in train:
        if len(domain.kept) == 1:
            print(
                f"warning: config.data: {domain.tree.root} has one image to read, which a critic "
                "learns by heart; add more",
                file=sys.stderr,
            )


def _two(domains: Sequence[_Domain], res: int, aligned: bool) -> Source:
    return of_two(*(domain.source(res) for domain in domains), aligned=aligned)


def _layout(root: Path) -> tuple[list[str], list[str]]:
    """Returns the folders to read, of training and then of tests, and what else is in `root`.

    Raises:
      UserError: they are of no layout, of both, or not whole.
    """
    top, inner = _entries(root)
    there = [[name for name in layout if os.path.lexists(root / name)] for layout in _LAYOUTS]
    if all(there):
        one, other = map(summary.names, there)
        raise UserError(f"config.data: {root} has two layouts, {one} and {other}; remove one")
    names = there[0] or there[1]
    layout = _LAYOUTS[0] if there[0] else _LAYOUTS[1]
    found = f"found there: {summary.names([*top, *inner]) or 'nothing'}"
    if not names:
        lower = [
            root / name
            for name in top
            if any(os.path.lexists(root / name / each[0]) for each in _LAYOUTS)
        ]
        raise UserError(
            f"config.data: {root} has neither trainA and trainB nor train/A and train/B; {found}; "
            f"give {lower[0] if lower else 'the folder that holds them'}"
        )
    for name in names:
        if not (root / name).is_dir():
            raise UserError(f"config.data: {root / name} is no folder; put its pictures in one")
    for a, b in itertools.combinations(names, 2):
        if os.path.samefile(root / a, root / b):
            both = f"{root / a} and {root / b}"
            raise UserError(f"config.data: {both} are one folder; give each its own pictures")
    if lacking := [name for name in layout[:2] if name not in names]:
        raise UserError(
            f"config.data: {root} has no {' and no '.join(lacking)}; {found}; add the pictures"
        )
    if len(names) == 3:
        (lone,) = set(layout[2:]) - set(names)
        raise UserError(
            f"config.data: {root} has {names[2]} and no {lone}; add it, or remove {names[2]} to "
            "train without test pictures"
        )
    return names, [name for name in top if name not in {each.partition("/")[0] for each in names}]


def _entries(root: Path) -> tuple[list[str], list[str]]:
    """Returns what is in `root`, and in its folders train and test, but for hidden names.

    Raises:
      UserError: it is no folder that can be read.
    """
    try:
        inner = [
            f"{name}/{each}"
            for name in ("train", "test")
            if (root / name).is_dir()
            for each in _visible(root / name)
        ]
        return _visible(root), inner
    except (OSError, ValueError) as error:  # a ValueError: NUL in the name
        raise UserError(
            f"config.data: {shown(root)} cannot be read as a folder ({reason(error)}); after "
            "'pair:' give the one that holds trainA and trainB, a zip unpacked"
        ) from error


def _visible(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not is_hidden(name, folder=True))


def _trees(root: Path, names: Sequence[str], aligned: bool) -> list[Tree]:
    """Lists the pictures of A and B, without decoding any.

    Raises:
      UserError: a folder without any, or aligned ones that are no pairs.
    """
    trees = []
    for name in names:
        try:
            tree = listed(root / name)
        except UserError as error:
            raise UserError(f"{error}; put the pictures of {name[-1]} there") from error
        trees.append(tree._replace(passed=[*tree.passed, *tree.sidecars]))
    if aligned:
        _pairs(*trees)
    return trees


def _pairs(a: Tree, b: Tree) -> list[tuple[str, str]]:
    """Pairs files by index, sorted by their names without suffixes.

    Raises:
      UserError: numbers that differ, or names that have their counterparts at other indices.
    """
    files = [sorted(tree.files, key=_stem) for tree in (a, b)]
    stems = [list(map(_stem, each)) for each in files]
    common = set(stems[0]) & set(stems[1])
    moved = any(x != y and x in common for x, y in zip(*stems, strict=False))
    if len(files[0]) == len(files[1]) and not moved:
        return list(zip(*files, strict=True))
    if common:
        counts = [Counter(each) for each in stems]
        over = [counts[0] - counts[1], counts[1] - counts[0]]
        lone = [[name for name in files[i] if _stem(name) in over[i]] for i in (0, 1)]
    else:  # the index alone pairs
        n = min(map(len, files))
        lone = [each[n:] for each in files]
    named = [
        f"{tree.root.name}/{name}" for tree, each in zip((a, b), lone, strict=True) for name in each
    ]
    raise UserError(
        f"config.data.aligned=True: {len(files[0])} images below {a.root} and {len(files[1])} "
        f"below {b.root} are no pairs; without a counterpart: {summary.names(named, 3)}; add or "
        "remove images, or set aligned=False"
    )


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _domains(
    trees: Sequence[Tree], wants: Sequence[Target], aligned: bool, on_bad: str
) -> list[_Domain]:
    """Decodes the pictures of A and B; aligned ones are kept in the order of `_pairs`.

    Raises:
      UserError: what `pictures` refuses, or pairs of different shapes.
    """
    read = [pictures(tree, want, on_bad) for tree, want in zip(trees, wants, strict=True)]
    kept = [np.arange(len(each.rows)) for each in read]
    if aligned:
        pairs = _pairs(*trees)
        rows = [
            {tree.readable[file]: row for row, file in enumerate(each.rows)}
            for tree, each in zip(trees, read, strict=True)
        ]
        pairs = [(x, y) for x, y in pairs if x in rows[0] and y in rows[1]]
        kept = [np.array([rows[i][each[i]] for each in pairs], np.int64) for i in (0, 1)]
    domains = [_Domain(*each) for each in zip(trees, read, kept, strict=True)]
    if aligned:
        _check_shapes(*domains, pairs)
    return domains


def _check_shapes(a: _Domain, b: _Domain, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuses pairs of which one crop does not show the same part.

    Raises:
      UserError: there are no pairs, or the scaled sizes of one differ by more than what is rounded.
    """
    if not pairs:
        raise UserError(
            f"config.data.aligned=True: no pair of {a.tree.root} and {b.tree.root} can be read"
        )
    differ = np.flatnonzero(abs(a.sizes - b.sizes).max(axis=1) > 1)
    if differ.size:
        x, y = pairs[differ[0]]
        raise UserError(
            f"config.data.aligned=True: {a.tree.root / x} and {b.tree.root / y} have different "
            "aspect ratios; crop them alike, or set aligned=False"
        )
