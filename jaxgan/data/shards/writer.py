"""Writes shards of records, so that a kill loses one shard and running it again ends in the same.

A shard is of a fixed range of the input's items. It is written below OUT/preparing, flushed, and
renamed into OUT; what is known of it is in a note beside it by then. records.json is written last,
once every record has been read back.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jaxgan.data import content, summary, survey
from jaxgan.data.shards.closing import finish
from jaxgan.data.shards.inputs import Input
from jaxgan.data.shards.layout import Layout, shard
from jaxgan.data.shards.plan import WORK, Note, Plan, begin, check_space, clear, noted
from jaxgan.data.shards.reader import module
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.paths import reason, shown

_OPTIONS = "group_size:1,zstd:1"  # a record a chunk: each is read by itself
_REMEDY = "fix or remove it, or pass --on_bad=skip"


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
        begin(out, plan)
        names = [shard(i, len(plan.ranges)) for i in range(len(plan.ranges))]
        notes = [noted(out, name) for name in names]
        left = [i for i, note in enumerate(notes) if note is None]
        check_space(out, plan, [note for note in notes if note])
        if len(left) < len(names):
            print(f"{out}: {len(names) - len(left)} of {len(names)} shards are there already",
                  file=sys.stderr)  # fmt: skip
        _write_all(given, out, plan, names, notes, left)
        whole = [note for note in notes if note]
        found = finish(given, out, plan, whole)
        clear(out)
    return found


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
            raise OSError(reason(error)) from error
