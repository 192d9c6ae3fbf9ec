"""Scalars of a run: gathered on the device, checked, then written to jsonl and TensorBoard."""

import json
import os
import time
from pathlib import Path

import jax
import numpy as np

from jaxgan.errors import UserError


class Diverged(UserError):
    """A loss became NaN or infinite; the message says at which step and in which turn."""


class Meter:
    """Averages the metrics of the steps since the last reading, without a sync at each step."""

    def __init__(self, batch: int):
        """`batch`: images a step."""
        self._batch = batch
        self._pending: list[dict[str, jax.Array]] = []
        self._since = time.perf_counter()

    def add(self, metrics: dict[str, jax.Array]) -> None:
        """Keeps one step's metrics, still on the device."""
        self._pending.append(metrics)

    def read(self, step: int, saved: int | None) -> dict[str, float]:
        """Means since the last reading, and images_per_s.

        Args:
          step: steps taken so far.
          saved: step of the last checkpoint, for the message.

        Raises:
          Diverged: a value is not finite.
        """
        rows = jax.device_get(self._pending)
        self._pending = []
        now = time.perf_counter()
        speed = len(rows) * self._batch / (now - self._since)
        self._since = now
        columns: dict[str, list[float]] = {}
        for i, row in enumerate(rows, start=step - len(rows)):
            for name, value in row.items():
                columns.setdefault(name, []).append(float(value))
                if not np.isfinite(value):
                    turn, _, metric = name.partition("/")
                    raise Diverged(
                        f"step {i}, turn {turn!r}: {metric} is {value}; stopped. "
                        f"{'No checkpoint yet' if saved is None else f'Step {saved} is saved'}; "
                        f"lower config.optim.{turn}.lr or change the loss, in another --workdir"
                    )
        return {name: float(np.mean(column)) for name, column in columns.items()} | {
            "images_per_s": speed
        }


class Writer:
    """metrics.jsonl and TensorBoard events in a workdir; rows from before a resume are kept."""

    def __init__(self, workdir: Path, step: int):
        """Opens both; drops what an interrupted run wrote after `step`, the step to go on from."""
        from tensorboardX import SummaryWriter  # slow to import

        self._path = workdir / "metrics.jsonl"
        rows = [row for row in read(workdir) if row["step"] <= step]
        part = self._path.with_suffix(".part")
        part.write_text("".join(json.dumps(row) + "\n" for row in rows))
        os.replace(part, self._path)
        self._jsonl = self._path.open("a", buffering=1)
        self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Writes one row."""
        self._jsonl.write(json.dumps({"step": step, **values}) + "\n")
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
    """The rows of a workdir's metrics.jsonl; a last line cut short by a kill is left out."""
    path = workdir / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]
