"""Reads what a report shows of runs and sweeps from their folders; starts no jax."""

import csv
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.runtime.remote import copies

HUGE = 1e100  # no float32 is so large, and none but 0 as small as its reciprocal
Row = Mapping[str, Any]
NUMBERS = ("mean", "low", "high", "difference", "difference_low", "difference_high", "p_holm")


class Run(NamedTuple):
    """A run as its folder has it.

    config: flat, by dotted key. rows: of metrics.jsonl, numbers, NaN where they are not finite.
    pictures: files by step. kimg: thousands of images seen by step, of the rows that say it.
    """

    name: str
    folder: Path
    config: Mapping[str, Any]
    record: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    pictures: Mapping[int, Path]
    evaluations: Sequence[Row]
    warnings: Sequence[Row]

    @property
    def steps(self) -> int:
        """The last step that was logged."""
        return int(self.rows[-1]["step"]) if self.rows else 0

    def kimg(self, step: int) -> float:
        """Returns thousands of images seen after a step, between rows by their line."""
        known = [row for row in self.rows if math.isfinite(row.get("kimg", math.nan))]
        points = [(0.0, 0.0), *((row["step"], row["kimg"]) for row in known)]
        for (a, low), (b, high) in zip(points, points[1:], strict=False):
            if step <= b and b > a:
                return low + (high - low) * (step - a) / (b - a)
        return points[-1][1]

    @property
    def seconds(self) -> float:
        """How long training took: images by images/s, of all rows."""
        total, before = 0.0, 0.0
        for row in self.rows:
            speed, kimg = row.get("images_per_s", math.nan), row.get("kimg", before)
            if speed > 0 and math.isfinite(kimg):
                total += 1000 * (kimg - before) * self.config.get("seeds", 1) / speed
            before = kimg if math.isfinite(kimg) else before
        return total

    @property
    def speed(self) -> float:
        """The median of images/s; NaN of a run without rows."""
        found = [row["images_per_s"] for row in self.rows if row.get("images_per_s", 0) > 0]
        return statistics.median(found) if found else math.nan


class Sweep(NamedTuple):
    """A sweep as its folder has it: the rows of table.csv, and samples.png where there is one."""

    name: str
    rows: Sequence[Mapping[str, str]]
    note: str
    picture: Path | None


def read(folders: Sequence[Path]) -> tuple[list[Run], list[Sweep]]:
    """Reads folders of runs and sweeps.

    Raises:
      UserError: a folder that is neither, a run without a checkpoint, or files that are damaged.
    """
    names = _names(folders)
    runs, sweeps = [], []
    for name, given in zip(names, folders, strict=True):
        folder = copies.run(given, checkpoint=False, pictures=True)
        if (folder / "sweep.json").exists():
            sweeps.append(_sweep(name, folder))
        else:
            runs.append(_run(name, folder, given))
    return runs, sweeps


def _names(folders: Sequence[Path]) -> list[str]:
    """Returns short names that tell folders apart: as many of their last parts as that takes."""
    for depth in range(1, 1 + max(len(f.absolute().parts) for f in folders)):
        names = ["/".join(f.absolute().parts[-depth:]) for f in folders]
        if len(set(names)) == len(names):
            return names
    raise UserError(f"{shown(folders[0])}: name each folder once")


def _run(name: str, folder: Path, given: Path) -> Run:
    """Reads a run; `folder` is `given`, or the copy of it where that is a URL."""
    path = folder / "config.json"
    if not path.exists():
        raise UserError(f"{shown(folder)} holds no run and no sweep (no config.json, sweep.json)")
    if not copies.steps(given):
        raise UserError(f"{shown(given)} has no checkpoint yet; train it with jaxgan.main")
    with files.reading(path):
        content = path.read_text()
    try:
        record = json.loads(content)
        config = flatten(record["config"])
        facts = [record.get(name, {}) for name in ("versions", "data")]
        if not all(isinstance(each, Mapping) for each in facts):
            raise TypeError
        int(record.get("steps", 0))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged; bring it back from a copy") from None
    rows = [
        {key: math.nan if value is None else bounded(value) for key, value in row.items()}
        for row in lines(folder / "metrics.jsonl")
        if isinstance(row.get("step"), int)
        and abs(row["step"]) < HUGE
        and all(value is None or isinstance(value, int | float) for value in row.values())
    ]
    found = (folder / "samples").glob("*.png")
    pictures = {int(p.stem): p for p in sorted(found) if p.stem.isdecimal()}
    return Run(
        name, folder, config, record, rows, pictures,
        [row for row in lines(folder / "evaluations.jsonl") if _is_evaluation(row)],
        lines(folder / "warnings.jsonl"),
    )  # fmt: skip


def _is_evaluation(row: Row) -> bool:
    """Returns whether a row has the form that evaluate writes."""
    tables = [row.get(name, {}) for name in ("protocol", "levels", "bounds")]
    nested = isinstance(tables[2], Mapping) and all(
        isinstance(each, Mapping) for each in tables[2].values()
    )
    return nested and all(isinstance(each, Mapping) for each in tables)


def _sweep(name: str, folder: Path) -> Sweep:
    path = folder / "table.csv"
    if not path.exists():
        raise UserError(f"{shown(folder)} has no table yet; run its sweep with jaxgan.sweep")
    with files.reading(path):
        rows = _table(path, path.read_text())
        text = (folder / "table.md").read_text() if (folder / "table.md").exists() else ""
    note = "\n".join(line for line in text.splitlines() if line and not line.startswith("|"))
    picture = folder / "samples.png"
    return Sweep(name, rows, note, picture if picture.exists() else None)


def _table(path: Path, text: str) -> list[dict[str, str]]:
    """Parses table.csv; raises UserError where it is not as sweep writes it."""
    try:
        rows = list(csv.DictReader(text.splitlines()))
        for row in rows:
            _ = [float(row[key]) for key in NUMBERS if row[key]]
            if not all(isinstance(row[key], str) for key in ("cell", "metric", "n", "reason")):
                raise TypeError
    except (csv.Error, ValueError, TypeError, KeyError):
        raise UserError(f"{path} is damaged; run its sweep again, which writes it anew") from None
    return rows


def bounded(value: float) -> float:
    """Returns a number as charts take it: infinite, or 0, where it is none of float32 by far.

    The range of a chart, and its ticks, would be no floats.
    """
    if not abs(value) < HUGE:
        return math.nan if value != value else math.inf if value > 0 else -math.inf
    return value if abs(value) > 1 / HUGE else 0


def lines(path: Path) -> list[dict[str, Any]]:
    """Returns the objects of a file of JSON lines, without one that a kill cut; [] of no file."""
    if not path.exists():
        return []
    with files.reading(path):
        texts = path.read_text(errors="replace").splitlines()
    found = []
    for text in texts:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            continue
        found += [row] if isinstance(row, dict) else []
    return found


def flatten(node: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """Returns a nested config by dotted key."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            found |= flatten(value, f"{at}{key}.")
        else:
            found[f"{at}{key}"] = value
    return found


def differences(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Returns the keys of which runs have different values, and each run's value in words."""
    flat = [dict(run.config) | {f"versions.{k}": v for k, v in _facts(run).items()} for run in runs]
    keys = dict.fromkeys(key for each in flat for key in each)
    found = {key: [_said(each, key) for each in flat] for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def _facts(run: Run) -> dict[str, Any]:
    facts = dict(run.record.get("versions", {}), revision=run.record.get("revision", ""))
    return facts | {"data": run.record.get("data", {}).get("fingerprint", "")}


def _said(values: Mapping[str, Any], key: str) -> str:
    return str(values[key]) if key in values else "not set"
