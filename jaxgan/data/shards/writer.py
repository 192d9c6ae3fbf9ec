"""Writes shards of records, so that a kill loses one shard and running it again ends in the same.

A shard is of a fixed range of the input's items. It is written below OUT/preparing, flushed, and
renamed into OUT; what is known of it is in a note beside it by then. records.json is written last,
once every record has been read back.
"""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data import columns, content, summary, survey
from jaxgan.data.shards import layout
from jaxgan.data.shards.inputs import Input
from jaxgan.data.shards.layout import Form, Layout, shard
from jaxgan.data.shards.reader import Column, Shards, module
from jaxgan.data.source import digest
from jaxgan.data.survey import Survey
from jaxgan.runtime import capacity, files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.paths import reason, shown

WORK = "preparing"  # the folder below OUT that is removed at the end
_OPTIONS = "group_size:1,zstd:1"  # a record a chunk: each is read by itself
_OVERHEAD = 136  # bytes of a record's headers, and of its place in the index
_TARGET = 2**27  # bytes of a shard, by default
_REMEDY = "fix or remove it, or pass --on_bad=skip"
_LISTED = 1000  # bad files that records.json names


class Note(NamedTuple):
    """What is known of a shard: its items, bytes, labels, bad files and what the good ones were."""

    count: int
    size: int
    labels: Sequence[int]
    bad: Sequence[tuple[str, str]]
    seen: Survey | None


class Plan(NamedTuple):
    """What is written: the items of each shard, their form, and what they are made from.

    prepared: source, options and mark, as records.json says; two that are equal write equal bytes.
    """

    ranges: Sequence[range]
    form: Form
    prepared: dict[str, Any]

    @property
    def most(self) -> int:
        """The bytes that it takes at most."""
        size = self.ranges[-1].stop
        return size * (self.form.size + _OVERHEAD) + len(self.ranges) * 2**17


def planned(given: Input, prepared: dict[str, Any], shards: int, shard_size: int) -> Plan:
    """Divides an input into shards.

    Args:
      shards: how many, or 0. shard_size: items of each but the last, or 0. Of both 0: shards of
        some 128 MB, at most layout.SHARDS of them.

    Raises:
      UserError: more shards than a run can hold open.
    """
    size = given.size
    if shards:
        shard_size = -(-size // shards)
    elif not shard_size:
        shard_size = max(1, _TARGET // given.form.size, -(-size // layout.SHARDS))
    ranges = [range(at, min(at + shard_size, size)) for at in range(0, size, shard_size)]
    if len(ranges) > layout.SHARDS:
        raise UserError(
            f"--shard-size={shard_size}: makes {len(ranges)} shards, and a run opens at most "
            f"{layout.SHARDS}; give at least {-(-size // layout.SHARDS)}"
        )
    facts = {"mark": given.mark, "items": size, "shard_size": shard_size}
    return Plan(ranges, given.form, {**prepared, **facts})


def finished(out: Path, plan: Plan) -> bool:
    """Returns whether all of it is there already.

    Raises:
      UserError: the folder has other records, or other files.
    """
    if (out / layout.NAME).exists():
        _check_same(layout.read(out).prepared, plan.prepared, out, "holds records")
        return True
    others = sorted(p.name for p in out.iterdir() if p.name != WORK) if out.is_dir() else []
    if others and not (out / WORK).is_dir():
        raise UserError(
            f"--out={shown(out)}: has other files ({summary.names(others, 3)}); name a new folder"
        )
    return False


def write(given: Input, out: Path, plan: Plan) -> Layout:
    """Writes the shards that are not there yet, and then records.json.

    Raises:
      UserError: another process writes there; it was begun of other content or with other options;
        too little disk; a bad file of an input that stops at them; no readable item.
    """
    if given.bad and given.stop:
        listing = summary.names(f"{name} ({error})" for name, error in given.bad.items())
        raise UserError(f"{given.where} has files that are not readable: {listing}; {_REMEDY}")
    with Lock(out / WORK, "prepares", "--out"):
        _begin(out, plan)
        names = [shard(i, len(plan.ranges)) for i in range(len(plan.ranges))]
        notes = [_noted(out, name) for name in names]
        left = [i for i, note in enumerate(notes) if note is None]
        _check_space(out, plan, [note for note in notes if note])
        if len(left) < len(names):
            print(f"{out}: {len(names) - len(left)} of {len(names)} shards are there already",
                  file=sys.stderr)  # fmt: skip
        _write_all(given, out, plan, names, notes, left)
        whole = [note for note in notes if note]
        found = _finish(given, out, plan, whole)
        shutil.rmtree(out / WORK)
    return found


def _begin(out: Path, plan: Plan) -> None:
    """Writes down what is prepared, or checks that it is what was begun."""
    path = out / WORK / "plan.json"
    if not path.exists():
        files.write(path, content.sealed(plan.prepared))
        return
    with files.reading(path):
        text = path.read_text()
    try:
        begun = content.opened(text)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({reason(error)}); remove {out}") from error
    _check_same(begun, plan.prepared, out, "was begun")


def _check_same(old: Any, new: dict[str, Any], out: Path, what: str) -> None:
    """Refuses to go on where other content or another option was given before, which it names.

    How the source was written does not matter, and where it lies.
    """
    old, new = (json.loads(json.dumps(each)) for each in (dict(old), new))
    keys = {*old, *new} - {"source", "skipped"}
    differ = [key for key in sorted(keys) if old.get(key) != new.get(key)]
    if not differ:
        return
    if differ == ["mark"]:
        told = "the files have changed since"
    else:
        told = ", ".join(
            f"{key}={shown(old.get(key))}, and now {shown(new.get(key))}"
            for key in differ if key != "mark"
        )  # fmt: skip
    raise UserError(
        f"--out={shown(out)}: {what} of other content or with other options ({told}); remove "
        "that folder, or name a new one"
    )


def _noted(out: Path, name: str) -> Note | None:
    """Returns what is known of a shard, or None where it is not written, or not whole."""
    try:
        record = content.opened((out / WORK / f"{name}.json").read_text())
        note = Note(**record)
        size = (out / name).stat().st_size if note.count else 0
    except (OSError, ValueError, TypeError):
        return None
    seen = Survey(**note.seen) if note.seen else None
    return note._replace(seen=seen) if size == note.size else None


def _check_space(out: Path, plan: Plan, notes: Sequence[Note]) -> None:
    """Says how much will be written, and checks that there is room.

    Raises:
      UserError: there is not.
    """
    size = plan.ranges[-1].stop
    take, free = plan.most - sum(note.size for note in notes), shutil.disk_usage(out).free
    if take > free and len(notes) < len(plan.ranges):
        raise UserError(
            f"--out={shown(out)}: {summary.count(size, 'image')} take up to {capacity.size(take)} "
            f"and it has {capacity.size(free)} free; name a folder of a larger disk, or lower --res"
        )
    print(
        f"{summary.count(size, 'image')} of {plan.form.size} bytes in "
        f"{summary.count(len(plan.ranges), 'shard')}: up to {capacity.size(plan.most)} in {out}, "
        f"which has {capacity.size(free)} free",
        file=sys.stderr,
    )


def _write_all(
    given: Input,
    out: Path,
    plan: Plan,
    names: Sequence[str],
    notes: list[Note | None],
    left: Sequence[int],
) -> None:
    """Writes the shards in `left`, and puts what is known of them into `notes`."""
    from tqdm import tqdm

    total = plan.ranges[-1].stop
    at, cpu = time.monotonic(), time.process_time()
    todo = sum(len(plan.ranges[i]) for i in left)
    with tqdm(
        desc=f"preparing {shown(given.where)}", total=total, initial=total - todo, unit="img",
        delay=1, file=sys.stderr,
    ) as bar:  # fmt: skip
        for i in left:
            notes[i] = _write_shard(given, out, names[i], plan.ranges[i], bar)
    took, used = time.monotonic() - at, time.process_time() - cpu
    if todo:
        print(
            f"{todo} images in {took:.1f} s, {todo / max(took, 1e-9):.0f} images/s on "
            f"{used / max(took, 1e-9):.1f} cores",
            file=sys.stderr,
        )


def _write_shard(given: Input, out: Path, name: str, rows: range, bar: Any) -> Note:
    """Writes one shard, its note first: where the shard has its name, both are whole."""
    part, labels, bad, facts = out / WORK / name, [], [], []

    def good() -> Iterator[bytes]:
        for item in given.items(rows):
            bar.update()
            if item.error and given.stop:
                raise UserError(
                    f"config.data: {item.name} of {given.where} is not readable ({item.error}); "
                    f"{_REMEDY}"
                )
            if item.error:
                bad.append((item.name, item.error))
                continue
            labels.append(item.label)
            facts.extend([item.facts] if item.facts else [])
            yield item.record

    _write_records(part, good())
    size = part.stat().st_size if labels else 0
    seen = survey.of(facts) if facts else None
    note = Note(len(labels), size, labels if given.form.labeled else [], bad, seen)
    record = note._replace(seen=seen and seen._asdict())._asdict()
    files.write(out / WORK / f"{name}.json", content.sealed(record))
    with files.writing(out / name):
        if labels:
            part.replace(out / name)
    return note


def _write_records(path: Path, records: Iterator[bytes]) -> None:
    """Writes a file of records and flushes it to the disk.

    Raises:
      UserError: it cannot be written; a full disk is an OSError.
    """
    made = module().ArrayRecordWriter
    with _writing(path):
        writer = made(os.fspath(path), _OPTIONS)
    for record in records:
        with _writing(path):
            writer.write(record)
    with _writing(path):
        writer.close()
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.close(file)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """As files.writing, of ArrayRecord's errors too."""
    with files.writing(path):
        try:
            yield
        except RuntimeError as error:
            raise OSError(f"{reason(error)}, {path}") from error


def _finish(given: Input, out: Path, plan: Plan, notes: Sequence[Note]) -> Layout:
    """Reads every record back for the fingerprint, and writes labels.npy and records.json."""
    counts = tuple(note.count for note in notes)
    bad = [*given.bad.items(), *(pair for note in notes for pair in note.bad)]
    listing = summary.names(f"{name} ({error})" for name, error in bad)
    if not sum(counts):
        raise UserError(f"config.data: no file of {given.where} is readable: {listing}")
    if bad:
        some = f"{len(bad)} of {plan.ranges[-1].stop + len(given.bad)} files of {given.where}"
        print(f"warning: skipped {some}: {listing}", file=sys.stderr)
    rest: dict[str, Any] = {}
    names = given.classes
    if plan.form.labeled:
        rest["label"] = np.concatenate([np.array(note.labels, np.int32) for note in notes])
        names = names or tuple(str(k) for k in range(int(rest["label"].max()) + 1))
        rest["label"] = columns.labels(rest["label"], sum(counts), len(names))
        with files.replacing(out / layout.LABELS) as file:
            np.save(file, rest["label"])
    seen = [note.seen for note in notes if note.seen]
    original, lost = given.notes(survey.merged(seen) if seen else None, len(bad))
    print("reading all records back", file=sys.stderr)
    shards = Shards(out, plan.form, counts)
    mark = digest({"image": Column(shards, "image")})
    if plan.form.condition_dim:
        rest["condition"] = Column(shards, "condition")
    found = Layout(
        shape=plan.form.shape,
        counts=counts,
        sizes=tuple(note.size for note in notes),
        classes=names,
        condition_dim=plan.form.condition_dim,
        fingerprint=digest(rest, mark, *names),
        labels=layout.digest_of(rest["label"]) if plan.form.labeled else "",
        original=original,
        notes=tuple(lost),
        prepared={**plan.prepared, "skipped": bad[:_LISTED]},
    )
    layout.write(out, found)
    return found
