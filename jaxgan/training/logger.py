"""Logs a run's scalars: averages them on the device, checks them, writes jsonl and TensorBoard."""

import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.training.replicas import interval


class Diverged(UserError):
    """A loss became NaN or infinite; the message says at which step and in which turn."""


class Meter:
    """Averages metrics over the steps since the last reading, without a sync at each step."""

    def __init__(self, seen: Callable[[int], int], rates: Mapping[str, float] | None = None):
        """Starts the first reading.

        Args:
          seen: step -> images of all steps before it, of all seeds.
          rates: each player's learning rate, for the message of a loss that is not finite.
        """
        self._seen = seen
        self._rates = rates or {}
        self._pending: list[tuple[Mapping[str, Any], int]] = []
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
          Diverged: a value is not finite.
        """
        rows = jax.device_get(self._pending)
        self._pending = []
        now = time.perf_counter()
        taken = sum(steps for _, steps in rows)
        speed = (self._seen(step) - self._seen(step - taken)) / (now - self._since)
        self._since = now
        columns: dict[str, list[np.ndarray]] = {}
        before = step - taken
        for row, steps in rows:
            for name, value in row.items():
                value = np.asarray(value)
                if not np.isfinite(value).all():
                    where = _report(name, value, before, steps)
                    raise Diverged(f"{where} {_remedy(self._rates, saved)}")
                columns.setdefault(name, []).append(value)
            before += steps
        means = {name: np.mean(column, axis=0) for name, column in columns.items()}
        return spread(means) | {"images_per_s": speed}


def spread(values: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns scalars as they are; of one value per seed the mean, and NAME_ci95."""
    row = {}
    for name, value in values.items():
        if np.ndim(value) == 0:
            row[name] = float(value)
        else:
            row[name], row[f"{name}_ci95"] = interval(value)
    return row


def _report(name: str, value: np.ndarray, step: int, steps: int) -> str:
    """Describes what diverged first in the `steps` steps from `step` on."""
    turn, _, metric = name.partition("/")
    when = f"step {step}" if steps == 1 else f"steps {step} to {step + steps - 1}"
    bad = np.flatnonzero(~np.isfinite(value))
    which = f" of replica {bad[0]}" if value.ndim else ""
    return f"{when}, turn {turn!r}: {metric}{which} is {value.flat[bad[0]]}; stopped."


def _remedy(rates: Mapping[str, float], saved: int | None) -> str:
    """Says what to do; a player that moved before the turn that is named may be the cause."""
    listed = " or ".join(f"config.optim.{player}.lr={lr:g}" for player, lr in rates.items())
    lower = f"lower {listed or 'a rate under config.optim'}"
    if saved is None:
        return f"No checkpoint yet; {lower}, or change the loss"
    return (
        f"Step {saved} is saved; {lower} and resume with --override=optim, or change the loss in "
        "another --workdir"
    )


class Writer:
    """Writes metrics.jsonl and TensorBoard events; rows from before a resume are kept."""

    def __init__(self, workdir: Path, step: int):
        """Opens both; drops what an interrupted run wrote after `step`, from which it resumes."""
        from tensorboardX import SummaryWriter  # slow to import

        self._path = workdir / "metrics.jsonl"
        rows = [row for row in read(workdir) if row["step"] <= step]
        part = self._path.with_suffix(".part")
        part.write_text("".join(_line(row) for row in rows))
        os.replace(part, self._path)
        self._jsonl = self._path.open("a", buffering=1)
        self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Writes one row."""
        self._jsonl.write(_line({"step": step, **values}))
        for name, value in values.items():
            self._events.add_scalar(name, value, step)

    def image(self, step: int, name: str, image: np.ndarray) -> None:
        """Writes one picture, (H, W, C) uint8, to TensorBoard."""
        self._events.add_image(name, image, step, dataformats="HWC")

    def close(self) -> None:
        """Flushes and closes both."""
        self._jsonl.close()
        self._events.close()


def read(workdir: Path) -> list[dict[str, float]]:
    """Reads a workdir's metrics.jsonl; null is NaN; a last line cut by a kill is left out."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return [{k: math.nan if v is None else v for k, v in row.items()} for row in rows]


def _line(row: Mapping[str, float]) -> str:
    """Formats a row as strict JSON, which has no NaN or infinity: they become null."""
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"
