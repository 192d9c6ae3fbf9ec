"""Reads shards back once they are written, and writes labels.npy and records.json."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.data import columns, summary, survey
from jaxgan.data.shards import layout
from jaxgan.data.shards.inputs import Input
from jaxgan.data.shards.layout import Form, Layout
from jaxgan.data.shards.plan import Note, Plan
from jaxgan.data.shards.reader import Column, Damaged, Shards
from jaxgan.data.source import digest
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

_LISTED = 1000  # bad files that records.json names


def finish(given: Input, out: Path, plan: Plan, notes: Sequence[Note]) -> Layout:
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
    mark = _read_back(out, plan.form, counts, rest, names)
    found = Layout(
        shape=plan.form.shape,
        counts=counts,
        sizes=tuple(note.size for note in notes),
        classes=names,
        condition_dim=plan.form.condition_dim,
        fingerprint=mark,
        labels=layout.digest_of(rest["label"]) if plan.form.labeled else "",
        original=original,
        notes=tuple(lost),
        prepared={**plan.prepared, "skipped": bad[:_LISTED]},
    )
    layout.write(out, found)
    return found


def _read_back(
    out: Path, form: Form, counts: tuple[int, ...], rest: dict[str, Any], names: Sequence[str]
) -> str:
    """Returns the fingerprint of all records, as source.from_arrays makes it.

    Args:
      rest: the labels, where there are any. names: of classes.

    Raises:
      UserError: a shard that is damaged, which is removed, to be written again.
    """
    print("reading all records back", file=sys.stderr)
    try:
        shards = Shards(out, form, counts)
        mark = digest({"image": Column(shards, "image")})
        if form.condition_dim:
            rest = {**rest, "condition": Column(shards, "condition")}
        return digest(rest, mark, *names)
    except Damaged as error:
        with files.writing(error.path):
            error.path.unlink()
        raise UserError(
            f"{error.path} was damaged on the disk, and is removed; run it again, which writes it"
        ) from error
