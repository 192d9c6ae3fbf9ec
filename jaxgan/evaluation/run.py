"""Evaluates a run: a figure per metric, and the protocol behind it.

Two figures may be compared where their protocols are equal, and not otherwise. A metric is a file
under jaxgan/evaluation/metrics whose docstring begins with the line that --help shows, and has

    check(subject) -> None     refuses a run that it cannot measure, before anything is drawn
    compute(subject) -> Row    value, protocol, and by metric std or levels
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxgan.config import registry
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

HOME = "jaxgan.evaluation.metrics"
FEW = 100  # samples, below which no figure means much

Row = dict[str, Any]


def evaluate(subject: Subject, names: Sequence[str]) -> Iterator[Row]:
    """Computes metrics of a run; appends each row to its evaluations.jsonl before yielding it.

    Args:
      subject: the run.
      names: files under jaxgan/evaluation/metrics.

    Yields:
      metric, value and, by metric, std or levels; step, replica; protocol.

    Raises:
      UserError: no such metric, run, checkpoint or data, or a metric that does not fit the run;
        all of it before anything is drawn.
    """
    metrics = {name: load(name) for name in names}
    for metric in metrics.values():
        metric.check(subject)
    report = subject.workdir / "evaluations.jsonl"
    _append(report, "")  # one that cannot be written is refused here
    step = int(subject.state.step)
    if (subject.n or FEW) < FEW:
        print(f"warning: --n={subject.n}: figures of few samples vary with --seed", file=sys.stderr)
    for name, metric in metrics.items():
        row = {"metric": name, "step": step, "replica": subject.replica}
        row |= metric.compute(subject)
        row["protocol"] = protocol(subject) | row["protocol"]
        _append(report, f"{json.dumps(row)}\n")
        yield row


def _append(path: Path, line: str) -> None:
    """Adds to a file by one write: a kill cuts no line, and other processes may add to it too."""
    with files.writing(path), path.open("ab", buffering=0) as file:
        file.write(line.encode())
        os.fsync(file.fileno())


def load(name: str) -> ModuleType:
    """Imports the metric `name`.

    Raises:
      UserError: there is none.
    """
    if name not in (known := registry.files(HOME)):
        raise UserError(f"--metrics: no {name!r}{registry.nearest(name, known)}")
    return importlib.import_module(f"{HOME}.{name}")


def protocol(subject: Subject) -> Row:
    """What every figure depends on besides the metric and the run's weights."""
    shape = "x".join(map(str, subject.spec.shape))
    return {
        "data": f"{subject.record.config['data']['name']} {shape}",
        "generator": "averaged" if subject.game.ema else "last",
        "seed": subject.seed,
    }
