"""Builds every cell of a sweep without training it, so that bad ones are refused at the start."""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.ablation.cells import Job
from jaxgan.ablation.spec import logged
from jaxgan.config.registry import bind
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run


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

    evaluated = list(dict.fromkeys(x.partition("/")[0] for x in metrics if not logged(x)))
    for job in jobs:
        try:
            config = configs.load(job.cell.config)
            configs.override(config, [x for x in job.train if x.startswith("--config.")])
            built = bind(setup.prepare, config.to_dict(), at="config", given=setup.GIVEN)()
            loop.build(built, 0)
            _check_metrics(job.workdir, config.to_dict(), built, evaluated, n)
        except UserError as error:
            raise UserError(f"{job.cell.name}: {error}") from None


def _check_metrics(
    folder: Path, config: dict, built: Any, metrics: Sequence[str], n: int | None
) -> None:
    """Asks each metric whether it can measure a run, before there is one."""
    from jaxgan.evaluation import run as evaluation
    from jaxgan.evaluation.subject import Subject
    from jaxgan.training import workdir

    record = workdir.Record(config, built.spec, built.steps, built.growth, built.data)
    subject = Subject(folder, n=n)
    # What would be read from the folder: cached_property keeps its value under its own name.
    known = {"record": record, "restored": workdir.Restored(record, built.game, None)}
    vars(subject).update(known, opened=built.feeds[0].source)
    for name in metrics:
        metric = evaluation.load(name)
        for view in subject.views():
            metric.check(view)


if __name__ == "__main__":
    run(main)
