"""Builds every cell of a sweep without training it, so that bad ones are refused at the start."""

import concurrent.futures
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

from jaxgan import config as configs
from jaxgan.ablation.cells import Job
from jaxgan.ablation.spec import logged
from jaxgan.config.registry import bind
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError


def in_child(jobs: Sequence[Job], metrics: Sequence[str], n: int | None) -> None:
    """Runs `check` in a process of its own.

    So this one holds no accelerator while the runs need them.

    Raises:
      UserError: as `check`.
    """
    if not jobs:
        return
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        pool.submit(check, jobs, metrics, n).result()


def check(jobs: Sequence[Job], metrics: Sequence[str], n: int | None) -> None:
    """Builds the config, the nets' shapes and the metrics' subject of each run; compiles nothing.

    Raises:
      UserError: the first that cannot be trained or measured, by the name of its cell.
    """
    environment.prepare()
    from jaxgan.training import loop, setup

    evaluated = list(dict.fromkeys(x.partition("/")[0] for x in metrics if not logged(x)))
    for job in jobs:
        try:
            config = configs.load(job.cell.config)
            configs.override(config, [x for x in job.train if x.startswith("--config.")])
            run = bind(setup.prepare, config.to_dict(), at="config", given=("clock",))()
            loop.build(run, 0)
            _check_metrics(job.workdir, config.to_dict(), run, evaluated, n)
        except UserError as error:
            raise UserError(f"{job.cell.name}: {error}") from None


def _check_metrics(
    folder: Path, config: dict, run: object, metrics: Sequence[str], n: int | None
) -> None:
    """Asks each metric whether it can measure a run, before there is one."""
    from jaxgan.evaluation import run as evaluation
    from jaxgan.evaluation.subject import Subject
    from jaxgan.training import workdir

    record = workdir.Record(config, run.spec, run.steps, run.growth, run.data)
    subject = Subject(folder, n=n)
    # What would be read from the folder: cached_property keeps its value under its own name.
    known = {"record": record, "restored": workdir.Restored(record, run.game, None)}
    vars(subject).update(known, opened=run.feeds[0].source)
    for name in metrics:
        metric = evaluation.load(name)
        for view in subject.views():
            metric.check(view)
