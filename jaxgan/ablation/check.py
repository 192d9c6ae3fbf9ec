"""Builds every cell of a sweep without training it, so that bad ones are refused at the start."""

import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan import config as configs
from jaxgan.ablation.cells import Job
from jaxgan.ablation.measure import flat
from jaxgan.ablation.spec import drawing, logged
from jaxgan.config.registry import bind, nearest
from jaxgan.runtime import environment, errors
from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from jaxgan.evaluation.subject import Subject
    from jaxgan.training.dispatch import Program
    from jaxgan.training.setup import Run


def in_child(jobs: Sequence[Job], metrics: Sequence[str], n: int | None) -> None:
    """Runs `check` in a process of its own.

    So this one holds no accelerator while the runs need them.

    Raises:
      UserError: as `check`.
    """
    if not jobs:
        return
    done = subprocess.run(
        [sys.executable, "-m", "jaxgan.ablation.check"],
        input=pickle.dumps((jobs, metrics, n)),
        stderr=subprocess.PIPE,
    )
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode == 2:
        raise UserError(said.splitlines()[-1].removeprefix("error: "))
    if done.returncode:
        raise RuntimeError(f"the check of a sweep's cells ended with {done.returncode}:\n{said}")


def main(_: list[str]) -> int:
    """Checks what `in_child` wrote to stdin; returns the exit code."""
    check(*pickle.load(sys.stdin.buffer))
    return 0


def check(jobs: Sequence[Job], metrics: Sequence[str], n: int | None) -> None:
    """Builds the config, the nets' shapes and the metrics' subject of each run; compiles nothing.

    Raises:
      UserError: the first that cannot be trained or measured, by the name of its cell.
    """
    environment.prepare()
    from jaxgan.training import loop, setup

    for job in jobs:
        name = job.cell.name
        try:
            config = configs.load(job.cell.config)
            configs.override(config, [x for x in job.train if x.startswith("--config.")])
            built = bind(setup.prepare, config.to_dict(), at="config", given=setup.GIVEN)()
            program = loop.build(built, 0)
            _check_logged(built, program, metrics)
            for cell in job.cells:
                name = cell.name
                options = drawing(**cell.evaluate)
                views = _views(job.workdir, config.to_dict(), built, n, options)
                _check_metrics(views, metrics)
        except UserError as error:
            raise UserError(f"{name}: {error}") from None


def _check_logged(run: "Run", program: "Program", metrics: Sequence[str]) -> None:
    """Refuses a key that the run's metrics.jsonl will not have."""
    from jaxgan.training.records.columns import columns

    if not (names := [name for name in metrics if logged(name)]):
        return
    known = columns(run, program)
    if run.log.evaluate:
        figures = tuple(f"eval/{name.strip()}" for name in run.log.metrics.split(","))
        known |= {name for name in names if name.startswith(figures)}
    for name in names:
        if name not in known:
            raise UserError(f"sweep.metrics: its runs log no {name!r}{nearest(name, known)}")


def _views(
    folder: Path, config: dict, run: "Run", n: int | None, options: Mapping[str, Any]
) -> "list[Subject]":
    """Returns a run, before there is one, in each direction that evaluate measures it in.

    `options`: keywords of Subject, how samples are drawn.
    """
    from jaxgan.evaluation.subject import Subject
    from jaxgan.generation.truncation import by_psi
    from jaxgan.training import workdir

    record = workdir.Record(config, run.spec, run.steps, run.growth, run.data)
    subject = Subject(folder, n=n, **options)
    game = subject.choice.fitting(by_psi(run.game, subject.psi))
    # What would be read from the folder: cached_property keeps its value under its own name.
    known = {"record": record, "restored": workdir.Restored(record, game, None)}
    vars(subject).update(known, opened=run.feeds[0].source)
    return subject.views()


def _check_metrics(views: "Sequence[Subject]", metrics: Sequence[str]) -> None:
    """Asks each metric whether it can measure a run, and for the names of its figures."""
    from jaxgan.evaluation import run as evaluation

    names = [name for name in metrics if not logged(name)]
    figures = []
    for name in dict.fromkeys(name.partition("/")[0] for name in names):
        metric = evaluation.load(name)
        for view in views:
            metric.check(view)
            levels = dict.fromkeys(evaluation.levels_of(view, metric), 0.0)
            direction = {"direction": view.direction} if view.direction else {}
            figures += flat({"metric": name, **direction, "value": 0.0, "levels": levels})
    for name in names:
        if name not in figures:
            raise UserError(f"sweep.metrics: its runs have no {name!r}{nearest(name, figures)}")


if __name__ == "__main__":
    errors.run(main)
