"""Trains and compares the cells of an ablation study, and ends in a table.

  python -m jaxgan.sweep experiments/ablations/losses.py --workdir=sweeps/losses
  python -m jaxgan.sweep experiments/ablations/losses.py:smoke --workdir=sweeps/smoke --jobs=2
  python -m jaxgan.sweep experiments/ablations/losses.py --workdir=sweeps/losses --list

A sweep file names a base config, axes of overrides, seeds, metrics and a budget; `ablation/spec.py`
has the form. Every cell is built before the first is trained, so that a key which nothing reads is
refused at once. A run is `python -m jaxgan.main` in a folder of its own. The same command goes on
with a sweep that was stopped: what is done is skipped, what was killed is resumed. A run that
fails is a row with its reason; --retry runs it again.

Writes, to the workdir:
  table.md, table.csv    of each cell the mean over seeds, its 95 % interval, and the paired
                         difference from the base, with Holm's correction
  runs.csv               the figures of each seed
  samples.png            a row of samples for each cell
  sweep.json             what is compared; another sweep is refused here
  times.jsonl            the seconds of each command
  CELL/seed-N/           the workdir of a run; CELL/seed-N.log what its commands print
  array.sh               by --slurm: a job script, one run a task
Exit codes:
  0   done; runs that failed are rows of the table
  2   bad input: one line on stderr
  75  stopped by a signal, or runs were killed: run the same command to go on
  130 stopped by Ctrl-C before the first run, or by a second one
"""

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jaxgan.ablation import (
    cells,
    check,
    overhead,
    pictures,
    record,
    results,
    running,
    spec,
    tables,
)
from jaxgan.ablation.cells import Job
from jaxgan.ablation.results import Result
from jaxgan.ablation.spec import Sweep
from jaxgan.runtime import files, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.parser import Parser, whole
from jaxgan.runtime.signals import STOPPED, StopSignal
from jaxgan.visual import raster


def main(argv: list[str]) -> int:
    """Parses the flags, runs what is left of the sweep and writes its table.

    Returns the exit code.
    """
    parser = Parser("sweep", __doc__)
    parser.add_argument("file", metavar="FILE[:ARG]", help="the sweep file")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR", help="of the sweep")
    parser.add_argument("--jobs", type=whole(1, 1024), default=1, help="runs at once (default: 1)")
    parser.add_argument("--retry", action="store_true", help="run again what failed")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--list", action="store_true", help="print the runs as commands, run none")
    only.add_argument("--slurm", action="store_true", help="write an array job, run none")
    args = parser.parse_args(argv)
    if (args.list or args.slurm) and (args.retry or args.jobs > 1):
        flag = "--retry" if args.retry else "--jobs"
        raise UserError(f"{flag}: --{'list' if args.list else 'slurm'} runs none; leave it out")
    sweep = spec.load(args.file)
    paths.check_folder(args.workdir, "--workdir")
    jobs = list(cells.jobs(sweep, args.workdir))
    described = record.describe(sweep)
    record.compare(args.workdir, described)
    left = {job.cell.run: job for job in reversed(jobs) if not results.done(job, sweep.metrics)}
    check.in_child([*left.values()], sweep.metrics, sweep.n)
    if args.list:
        print("\n".join(job.line() for job in jobs))
        return 0
    with Lock(args.workdir):
        record.write(args.workdir, described)
        if args.slurm:
            script = args.workdir / "array.sh"
            files.write(script, cells.array_script(jobs, args.workdir, Path.cwd()))
            print(shlex.join(["sbatch", str(script)]))
            return 0
        return Progress(sweep, args.file, args.workdir, jobs).run(args.jobs, args.retry)


class Progress:
    """A sweep as its runs end: says each, and keeps the table up to date."""

    def __init__(self, sweep: Sweep, file: str, folder: Path, jobs: Sequence[Job]):
        """`file`: as the command line named it. `folder`: the sweep's. `jobs`: all of it."""
        self._sweep, self._file, self._folder, self._jobs = sweep, file, folder, jobs
        self._interrupted: dict[str, str] = {}
        self._left = 0

    def run(self, at_once: int, retry: bool) -> int:
        """Runs what is left, so many at once; with `retry` what failed too.

        Returns the exit code.
        """
        start, metrics = time.perf_counter(), self._sweep.metrics
        if warning := tables.warning(self._sweep):
            print(f"warning: {warning}", file=sys.stderr)
        pending = [job for job in self._jobs if not results.done(job, metrics)]
        for job in pending if retry else ():
            job.failed.unlink(missing_ok=True)
        pending = [job for job in pending if not results.failure(job)]
        self._left = len(pending)
        runs = "1 run" if len(self._jobs) == 1 else f"{len(self._jobs)} runs"
        print(f"{runs}, {len(pending)} to do", file=sys.stderr)
        with StopSignal() as stop:
            running.run_all(pending, at_once, stop, self._tell)
            stopped = stop.caught
        text = self._write()
        if (picture := pictures.sheet(self._jobs)) is not None:
            raster.save_png(self._folder / "samples.png", picture)
        print(text)
        minutes = (time.perf_counter() - start) / 60
        print(f"{minutes:.1f} minutes; table.md in {self._folder}", file=sys.stderr)
        if said := overhead.line(self._folder, running.TIMES, self._jobs):
            print(said, file=sys.stderr)
        return STOPPED if stopped or self._interrupted else 0

    def _tell(self, job: Job, reason: str, seconds: float) -> None:
        self._left -= 1
        if reason and not results.failure(job):
            self._interrupted[job.name] = reason
        outcome = reason or f"done in {seconds:.0f} s"
        print(f"{job.name}: {outcome}; {self._left} left", file=sys.stderr)
        self._write()

    def _write(self) -> str:
        """Writes the tables of what there is; returns the one in Markdown."""
        found = [result for job in self._jobs for result in self._results(job)]
        rows = tables.rows(self._sweep, found)
        text = tables.as_markdown(self._sweep, rows, f"python -m jaxgan.sweep {self._file}")
        files.write(self._folder / "table.md", text)
        files.write(self._folder / "table.csv", tables.as_csv(rows))
        files.write(self._folder / "runs.csv", tables.runs_csv(found, self._sweep.metrics))
        return text

    def _results(self, job: Job) -> list[Result]:
        found = results.of_job(job, self._sweep.metrics)
        why = self._interrupted.get(job.name)
        return [each._replace(reason=why) if why and not each.step else each for each in found]


if __name__ == "__main__":
    run(main)
