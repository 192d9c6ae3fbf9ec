"""The loop. One function, `take`, read from top to bottom, trains every recipe."""

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from jaxgan.config.registry import bind
from jaxgan.data.pipeline import prefetch
from jaxgan.parallel import mesh
from jaxgan.runtime import files, processes
from jaxgan.runtime.clock import Clock
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.signals import STOPPED, StopSignal
from jaxgan.runtime.stopping import stop_signal
from jaxgan.training import dispatch, logger, transfer, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.dispatch import Program
from jaxgan.training.divergence import Detector
from jaxgan.training.programs.ahead import Ahead
from jaxgan.training.records import shared, warnings
from jaxgan.training.records.found import Elsewhere, Newest
from jaxgan.training.records.journal import Journal, Judge, due, now, say, summary
from jaxgan.training.records.resumed import recorded
from jaxgan.training.setup import GIVEN, Run, prepare
from jaxgan.training.step import train_step
from jaxgan.visual.plots import save_curves
from jaxgan.visual.raster import save_gif

OPENING = 6 * 3600  # seconds for all processes to open the data
# What makes a Judge of a run in a workdir, its record, and the step that it begins at.
Evaluator = Callable[[Path, Run, workdir.Record, int], Judge]


def train(
    config: Mapping[str, Any],
    folder: Path,
    clock: Clock | None = None,
    override: Sequence[str] = (),
    evaluator: Evaluator | None = None,
    seconds: float | None = None,
) -> int:
    """Trains the run of `config` in the workdir `folder`, or resumes it there.

    `clock` has run since the command was given. `override` names dotted keys that may differ from
    those of the run that is resumed. `evaluator` is needed for config.log.evaluate. `seconds` after
    its first step this process ends the run.

    Returns:
      0 when all steps are taken or the time is up, STOPPED when a signal ended it after a save.

    Raises:
      UserError: bad input, found before the first step where that is possible; a full disk; a
        loss that is not finite (the last good checkpoint is kept).
    """
    clock = clock or Clock()
    run = bind(prepare, config, at="config", given=GIVEN)(clock=clock)
    say(f"data: {run.data['found']}")
    record = workdir.Record(dict(config), run.spec, run.steps, run.growth, run.data)
    with Lock(folder) if processes.first() else contextlib.nullcontext():
        processes.meet("the start of training, once the data are open", OPENING)
        shared.check(folder, record, override)
        return resume(folder, run, record, clock, override, evaluator, seconds)


def resume(
    folder: Path,
    run: Run,
    record: workdir.Record,
    clock: Clock,
    override: Sequence[str],
    evaluator: Evaluator | None = None,
    seconds: float | None = None,
) -> int:
    """Trains in a folder that no other run trains in; see `train`."""
    record, found = recorded(folder, record, run, override)
    if found and found.step > run.steps:
        say(f"nothing to do: the run in {folder} has {found.step} steps, config.steps is "
            f"{run.steps}")  # fmt: skip
        return 0
    if run.init and not found:
        transfer.check(run.init)
    judge = judging(evaluator, folder, run, record, found.since if found else 0)
    checkpoints = opened(folder, run, record, found)
    with (
        jax.set_mesh(run.mesh),
        stop_signal(seconds) as stop,
        contextlib.closing(checkpoints),
    ):
        done = loop(run, folder, checkpoints, found, stop, clock, judge)
    if processes.first():
        finish(folder)
    say(f"{'stopped' if done < run.steps else 'done'} at step {done}; pictures in {folder}")
    return STOPPED if done < run.steps and not stop.timed_out else 0


def opened(
    folder: Path, run: Run, record: workdir.Record, found: Newest | None
) -> Checkpoints | Elsewhere:
    """Makes the workdir of a run that is about to train; returns where it saves."""
    if not processes.first():
        return Elsewhere()
    files.folder(folder / "samples")
    workdir.write(folder, record)
    keep = {"keep": run.checkpoint.keep, "every": run.checkpoint.keep_every}
    lines = [folder / logger.NAME, folder / warnings.NAME]
    checkpoints = Checkpoints(folder / "checkpoints", **keep, beside=lines)
    for step in found.damaged if found else ():
        checkpoints.set_aside(step)
    return checkpoints


def finish(folder: Path) -> None:
    """Draws the curves and the pictures' progress."""
    save_curves(folder / "curves.png", logger.read(folder))
    pictures = sorted((folder / "samples").glob("[0-9]*.png"))
    for path in save_gif(folder / "progress.gif", pictures):
        say(f"warning: {path} is no picture and left out of progress.gif; delete it")


def loop(
    run: Run,
    folder: Path,
    checkpoints: Checkpoints | Elsewhere,
    found: Newest | None,
    stop: StopSignal,
    clock: Clock,
    judge: Judge | None = None,
) -> int:
    """Takes the steps that are left after `found` and returns how many were taken in all."""
    first = found.step if found else 0
    with contextlib.closing(Ahead(run, build(run, first), first)) as ahead:
        return take(run, ahead, folder, checkpoints, found, stop, clock, judge)


def take(
    run: Run,
    ahead: Ahead,
    folder: Path,
    checkpoints: Checkpoints | Elsewhere,
    found: Newest | None,
    stop: StopSignal,
    clock: Clock,
    judge: Judge | None,
) -> int:
    """Takes the steps of `loop`, whose programs are compiled ahead."""
    first = done = found.step if found else 0
    program = ahead.program
    states = start(program, run, found)
    clock.lap("build")
    journal = Journal(run, folder, found.since if found else 0, judge)
    detector = Detector(run.game, run.rates)
    pending = found.pending if found else ()
    meter = logger.Meter(lambda t: run.growth.seen(t) * len(run.feeds), detector.check, pending)
    if first == 0:
        journal.begin(program.split(states))
    elif found.since < first:
        owed = meter.read(first, first)
        del owed["images_per_s"]  # of steps that another process took
        journal.write(program.split(states), first, owed)
    clock.lap("first picture")
    journal.ready = ahead.add(journal.lowered(program.split(states)))
    starts = range(first, run.steps, program.stride)
    batches = prefetch(program.feed, starts)
    with progress(run, first) as bar, contextlib.closing(journal), contextlib.closing(batches):
        for n, (t, batch) in enumerate(zip(starts, batches, strict=True)):
            if not ahead.reach(t, stopped=stop.early):
                save(checkpoints, program.pack(states), done, meter, detector)
                break
            states, metrics = program.step(states, batch, t)
            meter.add(metrics, program.stride)
            if mesh.lockstep() or t == first:
                jax.block_until_ready(states)
            if t == first:
                stop.arm()
                clock.lap("first step")
                say(f"first step after {clock}")
            done = t + program.stride
            bar.update(program.stride)
            if stopped := stop.reached(n):
                # It may end soon. It adds no row to those of a run that is not stopped.
                save(checkpoints, program.pack(states), done, meter, detector)
                checkpoints.wait()
            if due(run, done):
                means = meter.read(done, checkpoints.latest())
                bar.set_postfix_str(summary(run.growth.readings(done) | means), refresh=False)
                journal.write(program.split(states), done, means)
            if stopped:
                break
            if now(run.checkpoint.every, run, done):
                save(checkpoints, program.pack(states), done, meter, detector)
    return done


def save(
    checkpoints: Checkpoints | Elsewhere,
    state: Any,
    done: int,
    meter: logger.Meter,
    detector: Detector,
) -> None:
    """Starts to save a finite state, with the metrics of no row yet."""
    latest = checkpoints.latest()
    kept = meter.pending(done, latest)
    detector.check_state(state, done, latest)
    checkpoints.save(state, done, kept)


def progress(run: Run, first: int) -> tqdm:
    """Returns the progress bar of the steps from `first` on; of several processes the first's."""
    rarely = 1 if sys.stderr.isatty() else 20
    options = {"unit": "step", "mininterval": rarely, "disable": not processes.first()}
    return tqdm(total=run.steps, initial=first, **options)


def judging(
    evaluator: Evaluator | None, folder: Path, run: Run, record: workdir.Record, first: int
) -> Judge | None:
    """Returns what computes the metrics of config.log, None for none; checks that they fit.

    Raises:
      UserError: metrics that do not fit the run.
    """
    if not run.log.evaluate:
        return None
    if not evaluator:
        raise ValueError("config.log.evaluate: train was called without an evaluator")
    return evaluator(folder, run, record, first)


def build(run: Run, first: int) -> Program:
    """Compiles the run's `train_step` into what drives it from step `first` on."""
    every = run.log.every, run.log.pictures, run.checkpoint.every, run.log.evaluate
    intervals = (run.steps, *every, first)
    size = len(run.feeds) * run.feeds[0].nbytes(first)
    stride = dispatch.stride(run.game, run.dispatch, intervals, size, mesh.platform(run.mesh))
    step = functools.partial(train_step, run.game)
    return dispatch.build(step, run.game, run.feeds, seed=run.seed, mesh=run.mesh, stride=stride)


def start(program: Program, run: Run, found: Newest | None) -> Any:
    """Returns initial states, another run's nets in them, or those of a checkpoint."""
    if found:
        say(f"resuming from step {found.step}")
        return program.unpack(found.take())
    states = program.init()
    if run.init:
        first, line = transfer.start(program.pack(states), run.init, len(run.feeds))
        say(line)
        states = program.unpack(first)
    return states
