"""Metrics of a run while it trains, at the intervals of config.log.evaluate.

They are the figures that jaxgan.evaluate gives of a checkpoint of that step: computed of a copy of
the state, by draws of their own seed, so that training does not depend on them.
"""

import dataclasses
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.core.game import State
from jaxgan.data.source import Source
from jaxgan.evaluation import run as evaluation
from jaxgan.evaluation.subject import Subject
from jaxgan.generation.standing import standing
from jaxgan.parallel import mesh
from jaxgan.runtime import files, processes
from jaxgan.runtime.errors import UserError
from jaxgan.training import logger
from jaxgan.training.loop import Judge
from jaxgan.training.setup import Run
from jaxgan.training.workdir import Record, Restored

# What follows from the real items alone, and is kept from one evaluation to the next.
KEPT = ("features", "source", "size", "columns", "reals", "halves", "seen_real", "seen_halves")
MARK = {"training": True}  # in rows


@dataclasses.dataclass(frozen=True)
class InTraining(Subject):
    """A run that trains. given: what a checkpoint would hold. data_opened: its data."""

    given: Restored | None = None
    data_opened: Source | None = None

    def at(self, state: State, replica: int) -> "InTraining":
        """Returns the run in another state, with what is kept of the real items."""
        state = standing(self.given.game, jax.device_get(state))
        found = dataclasses.replace(self, replica=replica, given=self.given._replace(state=state))
        vars(found).update(self.kept)
        return found

    @property
    def kept(self) -> dict[str, Any]:
        """What has been computed of the real items."""
        return {name: value for name, value in vars(self).items() if name in KEPT}

    @cached_property
    def record(self) -> Record:
        """What config.json says."""
        return self.given.record

    @cached_property
    def restored(self) -> Restored:
        """The run as a checkpoint would hold it."""
        return self.given

    @cached_property
    def opened(self) -> Source:
        """The data that it trains on."""
        return self.data_opened

    @property
    def label(self) -> dict[str, Any]:
        """What is evaluated, for its rows, and that it trains."""
        return super().label | MARK

    def absent(self) -> tuple[str, ...]:
        """None: every net trains."""
        return ()

    def say(self, line: str) -> None:
        """Prints nothing: the progress bar of training is on the screen."""


def judge(folder: Path, run: Run, record: Record, first: int) -> Judge:
    """Returns what computes config.log.metrics; see training.loop.Judge.

    It adds rows to FOLDER/evaluations.jsonl, and returns the figures as eval/METRIC, of a
    translation eval/METRIC_DIRECTION; of several seeds their mean and half its interval. Rows of
    after step `first`, from which a run is resumed, are dropped: they will be computed again.

    Raises:
      UserError: no such metric, or one that does not fit the run.
    """
    names = [name.strip() for name in run.log.metrics.split(",")]
    given = Restored(record, run.game, None)
    source = run.feeds[0].source
    subject = InTraining(folder, n=run.log.n or None, given=given, data_opened=source)
    try:
        evaluation.ready(subject, names)
    except UserError as error:
        text = str(error)
        for flag in ("metrics", "n"):
            text = text.replace(f"--{flag}", f"config.log.{flag}")
        at = "" if text.startswith("config.log") else "config.log.metrics: "
        raise UserError(f"{at}{text}") from error
    if processes.first():
        drop(folder / "evaluations.jsonl", first)

    def measure(states: Sequence[State], step: int) -> dict[str, float]:
        del step  # which a state knows
        if not processes.first():  # which does it alone, by its own devices
            return {}
        found: dict[str, list[float]] = {}
        with jax.set_mesh(mesh.none()):
            for i, state in enumerate(states):
                view = subject.at(state, i)
                for row in evaluation.evaluate(view, names):
                    name = "_".join(row[key] for key in ("metric", "direction") if key in row)
                    value = np.nan if row["value"] is None else row["value"]
                    found.setdefault(f"eval/{name}", []).append(value)
                vars(subject).update(view.kept)
        columns = {name: np.array(values) for name, values in found.items()}
        return logger.spread({k: v if len(states) > 1 else v[0] for k, v in columns.items()})

    return measure


def drop(path: Path, step: int) -> None:
    """Drops the rows of evaluations.jsonl that training wrote after `step`; keeps all others."""
    if not path.exists():
        return
    with files.reading(path):
        lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _after(line, step)]
    if kept != lines:
        files.write(path, b"".join(kept).decode(errors="replace"))


def _after(line: bytes, step: int) -> bool:
    """Whether a line is a row of training after `step`; one that is damaged is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return False
    return MARK.items() <= row.items() and row["step"] > step
