"""Evaluates a run, or images: a figure per metric, and the protocol behind it.

Two figures may be compared where their protocols are equal, and not otherwise. A metric is a file
under jaxgan/evaluation/metrics whose docstring begins with the line that --help shows, and has

    check(subject) -> None     refuses a run that it cannot measure, before anything is drawn
    compute(subject) -> Row    value and protocol; and std, low, high, floor, levels, bounds, draws
    levels_of(subject)         of a metric with levels: their names, before anything is drawn

Every row has low and high, the ends of a 95 % interval, and floor, the same figure of real images
against real images; null where a metric has none. levels are its further figures, and bounds has
low, high and floor of each. draws (B,) are those of the figure's bootstrap, which comparison.py
pairs; rows leave them out.
A run that translates has each figure twice, once a direction, which `subject.direction` names.
"""

import importlib
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from jaxgan.config import registry
from jaxgan.evaluation.features import extract
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

HOME = "jaxgan.evaluation.metrics"
FEW = 100  # samples, below which no figure means much

UNKNOWN = {"low": None, "high": None, "floor": None}  # of a metric that does not say them

Row = dict[str, Any]


def evaluate(subject: Subject, names: Sequence[str]) -> Iterator[Row]:
    """Computes metrics; appends each row to the run's evaluations.jsonl before yielding it.

    Args:
      subject: the run, or images.
      names: files under jaxgan/evaluation/metrics.

    Yields:
      metric, value, low, high, floor, protocol; step and replica of a run, of a translation the
      direction; by metric std, levels and bounds. What is not finite is None.

    Raises:
      UserError: no such metric, run, checkpoint or data, or a metric that does not fit the run;
        all of it before anything is drawn.
    """
    metrics, views = ready(subject, names)
    _ = [view.label for view in views]  # a checkpoint that is not there is refused here
    if report := subject.report:
        files.append(report, "")  # one that cannot be written is refused here
    if (subject.n or FEW) < FEW:
        subject.say(f"warning: --n={subject.n}: figures of few samples vary with --seed")
    for (name, metric), view in itertools.product(metrics.items(), views):
        row = measured(view, name, metric)
        if report:
            files.append(report, f"{json.dumps(row)}\n")
        yield row


def ready(subject: Subject, names: Sequence[str]) -> tuple[dict[str, ModuleType], list[Subject]]:
    """Returns metrics by name, and the views of the subject, once all checks have passed.

    Raises:
      UserError: as `evaluate`.
    """
    metrics = {name: load(name) for name in names}
    views = subject.views()
    for metric in metrics.values():
        for view in views:
            metric.check(view)
    if subject.net != extract.DEFAULT and not subject.read_features:
        raise UserError(f"--features={subject.net}: no metric of {', '.join(names)} reads features")
    return metrics, views


def measured(view: Subject, name: str, metric: ModuleType) -> Row:
    """Computes one metric of one view: its row, as `evaluate` yields it."""
    return drawn(view, name, metric)[0]


def drawn(view: Subject, name: str, metric: ModuleType) -> tuple[Row, np.ndarray]:
    """Computes as `measured`; also returns the draws (B,) of the bootstrap, (0,) without one."""
    row = {"metric": name, **view.label, **UNKNOWN} | metric.compute(view)
    draws = np.asarray(row.pop("draws", ()))
    row["protocol"] = protocol(view) | row["protocol"]
    if stray := set(row.get("levels", ())) - set(levels_of(view, metric)):
        raise ValueError(f"{name} has the levels {stray}, which its levels_of leaves out")
    return finite(row), draws


def levels_of(view: Subject, metric: ModuleType) -> Sequence[str]:
    """Returns the names of a metric's further figures, before anything is drawn."""
    return metric.levels_of(view) if hasattr(metric, "levels_of") else ()


def finite(value: Any) -> Any:
    """Returns a row in which numbers that are not finite are None: JSON has none of them."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load(name: str) -> ModuleType:
    """Imports the metric `name`.

    Raises:
      UserError: there is none.
    """
    if name not in (known := registry.files(HOME)):
        raise UserError(f"--metrics: no {name!r}{registry.nearest(name, known)}")
    return importlib.import_module(f"{HOME}.{name}")


def protocol(subject: Subject) -> Row:
    """What every figure depends on besides the metric and the run's weights.

    `content` identifies the data, by what they hold and not by where they lie.
    """
    shape = "x".join(map(str, subject.spec.shape))
    direction = {"direction": subject.direction} if subject.direction else {}
    moments = {"moments": subject.moments} if subject.moments else {}
    return (
        direction
        | moments
        | {
            "data": f"{subject.data} {shape}",
            "content": subject.content[:16],
            "generator": subject.drawn_by,
            "truncation": subject.truncation,
            "seed": subject.seed,
        }
    )
