"""What a preparing is to write, what of it is there already, and whether there is room for it."""

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.data import content, summary
from jaxgan.data.shards import layout
from jaxgan.data.shards.inputs import Input
from jaxgan.data.shards.layout import Form
from jaxgan.data.survey import Survey
from jaxgan.runtime import capacity, files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason, shown

WORK = "preparing"  # the folder below OUT that is removed at the end
_OVERHEAD = 136  # bytes of a record's headers, and of its place in the index
_TARGET = 2**27  # bytes of a shard, by default


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
        clear(out)
        return True
    others = sorted(p.name for p in out.iterdir() if p.name != WORK) if out.is_dir() else []
    if others and not (out / WORK).is_dir():
        raise UserError(
            f"--out={shown(out)}: has other files ({summary.names(others, 3)}); name a new folder"
        )
    return False


def clear(out: Path) -> None:
    """Removes what is left of preparing, of which another process may remove parts as well."""
    shutil.rmtree(out / WORK, ignore_errors=True)


def begin(out: Path, plan: Plan) -> None:
    """Writes down what is prepared, or checks that it is what was begun.

    Before the first shard is there, anything may be begun.
    """
    path = out / WORK / "plan.json"
    if not path.exists() or not any(out.glob("*.array_record")):
        for note in (out / WORK).glob("images-*"):
            note.unlink()
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


def noted(out: Path, name: str) -> Note | None:
    """Returns what is known of a shard, or None where it is not written, or not whole."""
    try:
        record = content.opened((out / WORK / f"{name}.json").read_text())
        note = Note(**record)
        size = (out / name).stat().st_size if note.count else 0
    except (OSError, ValueError, TypeError):
        return None
    seen = Survey(**note.seen) if note.seen else None
    return note._replace(seen=seen) if size == note.size else None


def check_space(out: Path, plan: Plan, notes: Sequence[Note]) -> None:
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
