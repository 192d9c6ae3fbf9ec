"""What the runs of a sweep came to: figures of each seed, or the reason why there are none."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan.ablation.cells import Job
from jaxgan.ablation.spec import Cell
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

WAITING = "not run yet"


class Result(NamedTuple):
    """A seed of a cell: its figures by name, or why it has none."""

    cell: str
    seed: int
    step: int
    figures: Mapping[str, float]
    reason: str = ""


def name(view: str) -> str:
    """Returns the name of the file of a run's figures, as a cell of this view has them."""
    return f"figures-{view}.json" if view else "figures.json"


def of_job(job: Job, metrics: Sequence[str]) -> list[Result]:
    """Returns the result of each seed of each cell of a run.

    Raises:
      UserError: its files cannot be read, or are damaged.
    """
    return [result for cell in job.cells for result in _of_cell(job, cell, metrics)]


def _of_cell(job: Job, cell: Cell, metrics: Sequence[str]) -> list[Result]:
    if not _measured(job, cell, metrics):
        reason = failure(job) or WAITING
        return [Result(cell.name, seed, 0, {}, reason) for seed in job.seeds]
    step, figures = _read(job.workdir / name(cell.view))
    found = []
    for i, seed in enumerate(job.seeds):
        values = {metric: figures[metric][i] for metric in metrics}
        lost = [metric for metric, value in values.items() if value is None]
        reason = f"{', '.join(lost)}: not finite" if lost else ""
        finite = {metric: value for metric, value in values.items() if value is not None}
        found.append(Result(cell.name, seed, step, finite, reason))
    return found


def done(job: Job, metrics: Sequence[str]) -> bool:
    """Returns whether a run has all figures that are asked for, of each of its cells."""
    return all(_measured(job, cell, metrics) for cell in job.cells)


def _measured(job: Job, cell: Cell, metrics: Sequence[str]) -> bool:
    path = job.workdir / name(cell.view)
    return path.exists() and set(metrics) <= set(_read(path)[1])


def failure(job: Job) -> str:
    """Returns why a run failed; '' if it did not."""
    if not job.failed.exists():
        return ""
    with files.reading(job.failed):
        return job.failed.read_text().strip()


def _read(path: Path) -> tuple[int, dict[str, list[float | None]]]:
    with files.reading(path):
        content = path.read_text()
    try:
        found = json.loads(content)
        step, figures = int(found["step"]), dict(found["figures"])
        if not all(isinstance(each, list) and each for each in figures.values()):
            raise TypeError
        return step, figures
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UserError(f"{path} is damaged; delete it, and the run is measured again") from None
