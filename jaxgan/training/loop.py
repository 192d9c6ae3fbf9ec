"""The loop. One function, read from top to bottom, trains every recipe."""

import contextlib
import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from jaxgan.config.registry import bind
from jaxgan.core.keys import named
from jaxgan.data.pipeline import prefetch
from jaxgan.parallel import mesh
from jaxgan.runtime.clock import Clock
from jaxgan.runtime.signals import STOPPED, StopSignal
from jaxgan.training import changes, dispatch, logger, replicas, transfer, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.diagnostics import CollapseWatch, settled
from jaxgan.training.dispatch import Program
from jaxgan.training.divergence import Detector
from jaxgan.training.setup import Run, prepare
from jaxgan.training.snapshots import Snapshots
from jaxgan.training.step import to_float, train_step
from jaxgan.visual.grid import save_gif
from jaxgan.visual.plots import save_curves

TERMINAL = sys.stderr.isatty()


def train(
    config: Mapping[str, Any],
    folder: Path,
    clock: Clock | None = None,
    override: Sequence[str] = (),
) -> int:
    """Trains the run of `config` in the workdir `folder`, or resumes it there.

    `clock` has run since the command was given. `override` names dotted keys that may differ from
    those of the run that is resumed.

    Returns:
      0 when all steps are taken, STOPPED when a signal ended it after a save.

    Raises:
      UserError: bad input, found before the first step where that is possible; a full disk; a
        loss that is not finite (the last good checkpoint is kept).
    """
    clock = clock or Clock()
    run = bind(prepare, config, at="config", given=("clock",))(clock=clock)
    say(f"data: {run.data['found']}")
    record = workdir.Record(dict(config), run.spec, run.steps, run.growth, run.data)
    record, done = recorded(folder, record, run, override)
    if done > run.steps:
        say(f"nothing to do: the run in {folder} has {done} steps, config.steps is {run.steps}")
        return 0
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    workdir.write(folder, record)
    keep = {"keep": run.checkpoint.keep, "every": run.checkpoint.keep_every}
    checkpoints = Checkpoints(folder / "checkpoints", **keep)
    with jax.set_mesh(run.mesh), StopSignal() as stop, contextlib.closing(checkpoints):
        done = loop(run, folder, checkpoints, stop, clock)
    save_curves(folder / "curves.png", logger.read(folder))
    save_gif(folder / "progress.gif", sorted((folder / "samples").glob("[0-9]*.png")))
    say(f"{'stopped' if done < run.steps else 'done'} at step {done}; pictures in {folder}")
    return STOPPED if done < run.steps else 0


def recorded(
    folder: Path, record: workdir.Record, run: Run, override: Sequence[str]
) -> tuple[workdir.Record, int]:
    """Compares `record` with what the workdir holds; writes nothing.

    Without a complete checkpoint there is nothing to protect, and whatever is recorded may go.

    Returns:
      The record with the run's history, and the steps taken.

    Raises:
      UserError: changes that are refused, see changes.resume.
    """
    place = folder / "checkpoints"
    if not (place.is_dir() and (folder / "config.json").exists()):
        return record, 0
    checkpoints = Checkpoints(place, write=False)
    done = checkpoints.latest()
    if done is None:
        return record, 0
    misfit = checkpoints.misfit(replicas.like(run.game, len(run.feeds)))
    old = workdir.read(folder)
    record, lines = changes.resume(folder, old, record, done, override, misfit)
    if done <= run.steps:
        for line in lines:
            say(line)
    return record, done


def loop(run: Run, folder: Path, checkpoints: Checkpoints, stop: StopSignal, clock: Clock) -> int:
    """Takes the steps that are left and returns how many were taken in all."""
    first = done = checkpoints.latest() or 0
    program = build(run, first)
    states = start(program, run, checkpoints)
    clock.lap("build")
    snapshots = Snapshots(
        run.game,
        jax.tree.map(to_float, run.feeds[0](0)),
        samples=run.log.samples,
        key=named(jax.random.key(run.seed), "pictures"),
        folder=folder / "samples",
    )
    watch = CollapseWatch(after=settled(run.game, run.growth, run.steps))
    writer = logger.Writer(folder, first)
    detector = Detector(run.game, run.rates)
    meter = logger.Meter(
        lambda t: run.growth.seen(t) * len(run.feeds), detector.check, checkpoints.pending()
    )
    if first == 0:
        writer.image(0, "real", snapshots.draw_real())
        writer.image(0, "samples", snapshots.draw(program.split(states), 0))
    clock.lap("first picture")
    bar = tqdm(total=run.steps, initial=first, unit="step", mininterval=1 if TERMINAL else 20)
    starts = range(first, run.steps, program.stride)
    batches = prefetch(program.feed, starts)
    with bar, contextlib.closing(writer), contextlib.closing(batches):
        for t, batch in zip(starts, batches, strict=True):
            states, metrics = program.step(states, batch, t)
            meter.add(metrics, program.stride)
            if mesh.lockstep() or t == first:
                jax.block_until_ready(states)
            if t == first:
                stop.arm()
                clock.lap("first step")
                say(f"first step after {clock}")
            done = t + program.stride
            last, stopped = done == run.steps, stop.caught
            bar.update(program.stride)
            look, save = (last or done % n == 0 for n in (run.log.pictures, run.checkpoint.every))
            if look or save or done % run.log.every == 0:
                row = {**run.growth.readings(done), **meter.read(done, checkpoints.latest())}
                bar.set_postfix_str(summary(row), refresh=False)
                if look:
                    each = program.split(states)
                    writer.image(done, "samples", snapshots.draw(each, done))
                    row |= snapshots.diagnose(each)
                    if warning := watch(done, row):
                        say(warning)
                writer.scalars(done, row)
            if save or stopped:
                # A stop adds no row and no picture to those of a run that is not stopped.
                kept, packed = meter.pending(done, checkpoints.latest()), program.pack(states)
                detector.check_state(packed, done, checkpoints.latest())
                checkpoints.save(packed, done, kept)
            if stopped:
                break
    return done


def build(run: Run, first: int) -> Program:
    """Compiles the run's `train_step` into what drives it from step `first` on."""
    intervals = (run.steps, run.log.every, run.log.pictures, run.checkpoint.every, first)
    size = len(run.feeds) * run.feeds[0].nbytes(first)
    stride = dispatch.stride(run.game, run.dispatch, intervals, size)
    step = functools.partial(train_step, run.game)
    return dispatch.build(step, run.game, run.feeds, seed=run.seed, mesh=run.mesh, stride=stride)


def start(program: Program, run: Run, checkpoints: Checkpoints) -> Any:
    """Returns initial states, another run's nets in them, or the newest checkpoint's."""
    if checkpoints.latest() is None:
        states = program.init()
        if run.init:
            first, line = transfer.start(program.pack(states), run.init, len(run.feeds))
            say(line)
            states = program.unpack(first)
        return states
    say(f"resuming from step {checkpoints.latest()}")
    like = replicas.like(run.game, len(run.feeds))
    return program.unpack(checkpoints.load(like, program.sharding))


def summary(row: Mapping[str, float]) -> str:
    """Formats a row of metrics for the progress bar."""
    shown = {"d/real": "D(x)", "d/fake": "D(G(z))"}
    parts = [f"{row['kimg']:.1f} kimg", f"{row['images_per_s']:.0f} images/s"]
    for name, value in row.items():
        turn, _, metric = name.partition("/")
        if metric == "loss" or name in shown:
            half = row.get(f"{name}_ci95")
            spread = "" if half is None else f" ± {half:.3f}"
            parts.append(f"{shown.get(name, turn)} {value:.3f}{spread}")
    return ", ".join(parts)


def say(line: str) -> None:
    """Prints a line above the progress bar."""
    tqdm.write(line, file=sys.stderr)
