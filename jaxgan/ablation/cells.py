"""The runs of a sweep, and their command lines."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jaxgan.ablation.spec import Cell, Sweep


class Job(NamedTuple):
    """A run of a cell: its seeds, of which there are several in a run of replicas only.

    train, measure: the arguments of `python`, one command after the other. anew: whether a run that
    was killed starts again from nothing, because its time is limited and not its steps. also: other
    cells whose figures are of this run.
    """

    cell: Cell
    seeds: tuple[int, ...]
    workdir: Path
    train: tuple[str, ...]
    measure: tuple[str, ...]
    anew: bool = False
    also: tuple[Cell, ...] = ()

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All whose figures are of this run."""
        return (self.cell, *self.also)

    @property
    def name(self) -> str:
        """Such as 'loss=hinge,rate=1e-3 seed 2'."""
        return f"{self.cell.run} {_seeds(self.seeds, ' ')}"

    @property
    def log(self) -> Path:
        """What its commands print."""
        return self.workdir.with_name(f"{self.workdir.name}.log")

    @property
    def failed(self) -> Path:
        """Where the reason is kept if it fails."""
        return self.workdir.with_name(f"{self.workdir.name}.failed")

    def line(self) -> str:
        """Returns both commands as a line of a shell."""
        return " && ".join(shlex.join(["python", *each]) for each in (self.train, self.measure))


def _seeds(seeds: Sequence[int], separator: str) -> str:
    """Names seeds: 'seed 3', 'seeds 0-4'."""
    if len(seeds) == 1:
        return f"seed{separator}{seeds[0]}"
    return f"seeds{separator}{seeds[0]}-{seeds[-1]}"


def jobs(sweep: Sweep, folder: Path) -> Iterator[Job]:
    """Yields the runs of a sweep in the order in which they are trained.

    All cells of one seed come before the next seed, so that a sweep that is stopped compares what
    it has. `folder` is the sweep's own.
    """
    groups = [sweep.seeds] if sweep.replicas else [(seed,) for seed in sweep.seeds]
    runs: dict[str, list[Cell]] = {}
    for cell in sweep.cells:
        runs.setdefault(cell.run, []).append(cell)
    for group in groups:
        for name, (cell, *also) in runs.items():
            workdir = folder / name / _seeds(group, "-")
            train = ["-m", "jaxgan.main", f"--config={cell.config}", f"--workdir={workdir}"]
            train += flags(sweep, cell, group)
            train += [] if sweep.seconds is None else [f"--max-seconds={sweep.seconds:g}"]
            measure = ["-m", "jaxgan.ablation.measure", f"--workdir={workdir}"]
            measure += [f"--metrics={','.join(sweep.metrics)}"]
            measure += [] if sweep.n is None else [f"--n={sweep.n}"]
            measure += [drawn(each) for each in (cell, *also) if each.view or each.evaluate]
            yield Job(
                cell, group, workdir, tuple(train), tuple(measure), sweep.seconds is not None,
                tuple(also),
            )  # fmt: skip


def drawn(cell: Cell) -> str:
    """Returns the flag of `measure` for a cell, '--drawn=psi=5e-1:psi=0.5'."""
    options = ",".join(f"{name}={value}" for name, value in cell.evaluate.items())
    return f"--drawn={cell.view}:{options}"


def flags(sweep: Sweep, cell: Cell, seeds: Sequence[int]) -> list[str]:
    """Returns the overrides of a run's config, as flags of jaxgan.main."""
    found = [*cell.flags, f"--config.seed={seeds[0]}"]
    found += [f"--config.seeds={len(seeds)}"] if sweep.replicas else []
    return found + ([] if sweep.steps is None else [f"--config.steps={sweep.steps}"])


def array_script(runs: Sequence[Job], folder: Path, here: Path) -> str:
    """Returns a script for sbatch: an array job, of which each task is a run.

    Args:
      runs: those of the sweep. folder: the sweep's, where tasks' output goes. here: the folder
        that paths of the commands start from.
    """
    lines = "\n".join(f"  {shlex.quote(run.line())}" for run in runs)
    return (
        "#!/bin/bash\n"
        f"#SBATCH --job-name=sweep-{folder.name}\n"
        f"#SBATCH --array=0-{len(runs) - 1}\n"
        f"#SBATCH --output={folder.absolute()}/slurm-%a.log\n"
        f"#SBATCH --{'no-' * runs[0].anew}requeue\n"
        f"cd {shlex.quote(str(here))}\n"
        f"commands=(\n{lines}\n)\n"
        'eval "${commands[$SLURM_ARRAY_TASK_ID]}"\n'
    )
