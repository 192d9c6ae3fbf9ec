"""Logs a run's scalars: averages them, writes jsonl, TensorBoard and, where asked, W&B."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.runtime import files
from jaxgan.training.records.events import Events
from jaxgan.training.records.tracker import Tracker
from jaxgan.training.replicas import interval

NAME = "metrics.jsonl"

Check = Callable[[Mapping[str, Any], int, int, int | None], None]
Pending = tuple[Mapping[str, Any], int]  # the mean metrics of so many steps


class Meter:
    """Averages metrics over the steps since the last reading, without a sync at each step."""

    def __init__(
        self, seen: Callable[[int], int], check: Check, pending: Sequence[Pending] = ()
    ) -> None:
        """Starts the first reading.

        Args:
          seen: step -> images of all steps before it, of all seeds.
          check: see divergence.Detector.check.
          pending: what a run that was stopped between two readings had added, see `pending`.
        """
        self._seen = seen
        self._check = check
        self._pending: list[tuple[Mapping[str, Any], int]] = [
            ({name: np.float32(value) for name, value in row.items()}, n) for row, n in pending
        ]
        self._earlier = sum(n for _, n in pending)  # steps that were not taken since `_since`
        self._since = time.perf_counter()

    def add(self, metrics: Mapping[str, Any], steps: int = 1) -> None:
        """Adds the mean metrics of `steps` steps: scalars, or one per seed, on the device."""
        self._pending.append((metrics, steps))

    def read(self, step: int, saved: int | None) -> dict[str, float]:
        """Returns the means since the last reading, and images_per_s.

        A metric of several seeds is their mean, with half its 95 % interval under NAME_ci95.

        Args:
          step: steps taken so far.
          saved: step of the last checkpoint, for the message.

        Raises:
          Diverged: an update or a value is not finite.
        """
        rows = self._fetch(step, saved)
        self._pending = []
        now = time.perf_counter()
        taken = sum(steps for _, steps in rows)
        images = self._seen(step) - self._seen(step - taken + self._earlier)
        speed = images / (now - self._since)
        self._since, self._earlier = now, 0
        columns: dict[str, list[np.ndarray]] = {}
        for row, _ in rows:
            for name, value in row.items():
                if not name.endswith("/finite"):
                    columns.setdefault(name, []).append(np.asarray(value))
        means = {name: np.mean(column, axis=0) for name, column in columns.items()}
        return spread(means) | {"images_per_s": speed}

    def pending(self, step: int, saved: int | None) -> list[Pending]:
        """Returns what was added since the last reading, as JSON has it, for a checkpoint.

        Arguments and errors are those of `read`.
        """
        return [
            ({name: np.asarray(value).tolist() for name, value in row.items()}, n)
            for row, n in self._fetch(step, saved)
        ]

    def _fetch(self, step: int, saved: int | None) -> list[tuple[Mapping[str, Any], int]]:
        """Copies what was added to the host, and checks it."""
        rows = jax.device_get(self._pending)
        before = step - sum(steps for _, steps in rows)
        for row, steps in rows:
            self._check(row, before, steps, saved)
            before += steps
        return rows


def spread(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns scalars as they are; of one value per seed the mean, and NAME_ci95."""
    row = {}
    for name, value in values.items():
        if np.ndim(value) == 0:
            row[name] = float(value)
        else:
            row[name], row[f"{name}_ci95"] = interval(value)
    return row


class Writer:
    """Writes metrics.jsonl and TensorBoard events; rows from before a resume are kept."""

    def __init__(self, workdir: Path, step: int, wandb: str = ""):
        """Opens both; drops what an interrupted run wrote after `step`, from which it resumes.

        Lines of metrics.jsonl that are damaged are dropped too, and a line on stderr says so.
        `wandb` is config.log.wandb: '' for no third place.

        Raises:
          UserError: one of them cannot be read or written; W&B refuses the run.
        """
        self._path = workdir / NAME
        found, bad = _parse(self._path)
        if bad:
            print(f"warning: {self._path}: {bad} damaged lines dropped", file=sys.stderr)
        rows = [row for row in found if row["step"] <= step]
        files.write(self._path, "".join(_line(row) for row in rows))
        with files.writing(self._path):
            self._jsonl = self._path.open("a", buffering=1, encoding="utf-8")
        self._events = Events(workdir / "tensorboard", step)
        self._tracker = Tracker(workdir, wandb) if wandb else None

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Writes one row."""
        with files.writing(self._path):
            self._jsonl.write(_line({"step": step, **values}))
        for name, value in values.items():
            self._events.scalar(step, name, value)
        self._events.flush()
        if self._tracker:
            self._tracker.scalars(step, values)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes one picture, (H, W, C) uint8, to TensorBoard and W&B."""
        self._events.image(step, name, image)
        self._events.flush()
        if self._tracker:
            self._tracker.image(step, name, image)

    def close(self) -> None:
        """Closes all."""
        self._jsonl.close()
        self._events.close()
        if self._tracker:
            self._tracker.close()


def read(workdir: Path) -> list[dict[str, float]]:
    """Reads a workdir's metrics.jsonl; null is NaN; lines that are damaged or cut are left out."""
    return _parse(workdir / NAME)[0]


def _parse(path: Path) -> tuple[list[dict[str, float]], int]:
    """Returns the rows of a metrics.jsonl, and how many lines are none.

    A last line without an end was cut by a kill, and is not counted.
    """
    if not path.exists():
        return [], 0
    with files.reading(path):
        lines = path.read_bytes().split(b"\n")[:-1]
    rows = [row for line in lines if (row := _row(line)) is not None]
    return rows, len(lines) - len(rows)


def _row(line: bytes) -> dict[str, float] | None:
    """Parses a line; None unless it is an object of numbers with a step."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    if not all(v is None or type(v) in (int, float) for v in row.values()):
        return None
    return {k: math.nan if v is None else v for k, v in row.items()}


def _line(row: Mapping[str, float]) -> str:
    """Formats a row as strict JSON, which has no NaN or infinity: they become null."""
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"
