"""The loop. One function, read from top to bottom, trains every recipe."""

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from tqdm import tqdm

from jaxgan.config.registry import bind
from jaxgan.core.game import State
from jaxgan.core.keys import named
from jaxgan.data.pipeline import prefetch
from jaxgan.parallel import mesh
from jaxgan.runtime import files
from jaxgan.runtime.clock import Clock
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.signals import STOPPED, StopSignal
from jaxgan.training import changes, dispatch, logger, replicas, transfer, workdir
from jaxgan.training.checkpoint import Checkpoints, Newest
from jaxgan.training.diagnostics import Watch, settled
from jaxgan.training.dispatch import Program
from jaxgan.training.divergence import Detector
from jaxgan.training.records.warnings import Warnings
from jaxgan.training.setup import GIVEN, Run, prepare, shown
from jaxgan.training.snapshots import Snapshots
from jaxgan.training.step import to_float, train_step
from jaxgan.visual.grid import save_gif
from jaxgan.visual.plots import save_curves

TERMINAL = sys.stderr.isatty()
# (the states of all seeds, step) -> scalars to log; and what makes it of a run in a workdir, its
# record, and the step that it begins at.
Judge = Callable[[Sequence[State], int], dict[str, float]]
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
    with Lock(folder) if jax.process_index() == 0 else contextlib.nullcontext():
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
    """Trains in a folder that no other process trains in; see `train`."""
    record, found = recorded(folder, record, run, override)
    if found and found.step > run.steps:
        say(f"nothing to do: the run in {folder} has {found.step} steps, config.steps is "
            f"{run.steps}")  # fmt: skip
        return 0
    if run.init and not found:
        transfer.check(run.init)
    files.folder(folder / "samples")
    judge = judging(evaluator, folder, run, record, found.step if found else 0)
    workdir.write(folder, record)
    keep = {"keep": run.checkpoint.keep, "every": run.checkpoint.keep_every}
    checkpoints = Checkpoints(folder / "checkpoints", **keep)
    for step in found.damaged if found else ():
        checkpoints.set_aside(step)
    with jax.set_mesh(run.mesh), StopSignal(seconds) as stop, contextlib.closing(checkpoints):
        done = loop(run, folder, checkpoints, found, stop, clock, judge)
    save_curves(folder / "curves.png", logger.read(folder))
    pictures = sorted((folder / "samples").glob("[0-9]*.png"))
    for path in save_gif(folder / "progress.gif", pictures):
        say(f"warning: {path} is no picture and left out of progress.gif; delete it")
    say(f"{'stopped' if done < run.steps else 'done'} at step {done}; pictures in {folder}")
    return STOPPED if done < run.steps and not stop.timed_out else 0


def recorded(
    folder: Path, record: workdir.Record, run: Run, override: Sequence[str]
) -> tuple[workdir.Record, Newest | None]:
    """Compares `record` with what the workdir holds; writes nothing.

    Without a complete checkpoint there is nothing to protect, and whatever is recorded may go.

    Returns:
      The record with the run's history, and the checkpoint to resume from, None for the start.

    Raises:
      UserError: changes that are refused, see changes.resume; damage that leaves nothing to resume
        from, or any by config.checkpoint.on_damage='stop'.
    """
    place = folder / "checkpoints"
    checkpoints = Checkpoints(place, write=False) if place.exists() else None
    if not checkpoints or not checkpoints.steps():
        return record, None
    if not (folder / workdir.NAME).exists():
        raise UserError(
            f"{folder} has checkpoints but no {workdir.NAME}, so it is unknown what they were "
            "trained with; bring it back from a copy, or pass another --workdir"
        )
    old = workdir.read(folder)
    like = replicas.like(run.game, len(run.feeds))
    found = checkpoints.newest(like, mesh.of_states(run.mesh), run.checkpoint.on_damage)
    checkpoints.close()
    record, lines = changes.resume(folder, old, record, found.step, override, found.misfit)
    for line in found.lines(place) + (lines if found.step <= run.steps else []):
        say(line)
    return record, found


def loop(
    run: Run,
    folder: Path,
    checkpoints: Checkpoints,
    found: Newest | None,
    stop: StopSignal,
    clock: Clock,
    judge: Judge | None = None,
) -> int:
    """Takes the steps that are left after `found` and returns how many were taken in all."""
    first = done = found.step if found else 0
    program = build(run, first)
    states = start(program, run, found)
    clock.lap("build")
    snapshots = look_at(run, folder / "samples")
    writer = logger.Writer(folder, first, run.log.wandb)
    warn = watching(run, folder, first, snapshots.compared)
    detector = Detector(run.game, run.rates)
    pending = found.pending if found else ()
    meter = logger.Meter(lambda t: run.growth.seen(t) * len(run.feeds), detector.check, pending)
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
            every = run.log.pictures, run.checkpoint.every, run.log.evaluate
            look, save, rate = (n > 0 and (last or done % n == 0) for n in every)
            if look or save or rate or done % run.log.every == 0:
                row = {**run.growth.readings(done), **meter.read(done, checkpoints.latest())}
                bar.set_postfix_str(summary(row), refresh=False)
                if look:
                    beside = folder / "real-and-fake.png" if last else None
                    row |= portray(snapshots, writer, program.split(states), done, beside)
                row |= judge(program.split(states), done) if rate and judge else {}
                writer.scalars(done, row)
                warn(done, row)
            if save or stopped:
                # A stop adds no row and no picture to those of a run that is not stopped.
                kept, packed = meter.pending(done, checkpoints.latest()), program.pack(states)
                detector.check_state(packed, done, checkpoints.latest())
                checkpoints.save(packed, done, kept)
            if stopped:
                break
    return done


def portray(
    snapshots: Snapshots,
    writer: logger.Writer,
    states: Sequence[State],
    done: int,
    beside: Path | None,
) -> dict[str, float]:
    """Draws samples, in the file `beside` next to real items, and returns their diagnosis."""
    writer.image(done, "samples", snapshots.draw(states, done))
    if beside:
        snapshots.draw_beside(states, beside)
    return snapshots.diagnose(states)


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


def watching(
    run: Run, folder: Path, first: int, items: int
) -> Callable[[int, Mapping[str, float]], None]:
    """Returns what is called with each row of metrics, and says and keeps what it warns of.

    It knows the rows of before step `first`, and what was said then. `items`: see `Watch`.
    """
    warnings = Warnings(folder, first)
    watch = Watch(settled(run.game, run.growth, run.steps), run.steps, items)
    for row in logger.read(folder):
        watch(int(row["step"]), row)

    def warn(step: int, row: Mapping[str, float]) -> None:
        for warned in watch(step, row):
            if warnings.add(warned):
                say(f"warning: {warned.text}")

    return warn


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


def look_at(run: Run, folder: Path) -> Snapshots:
    """Builds what draws the run's pictures, into `folder`."""
    return Snapshots(
        run.game,
        jax.tree.map(to_float, shown(run)),
        samples=run.log.samples,
        key=named(jax.random.key(run.seed), "pictures"),
        folder=folder,
        classes=run.data["classes"],
    )


def summary(row: Mapping[str, float]) -> str:
    """Formats a row of metrics for the progress bar."""
    shown = {"d/real": "D(x)", "d/fake": "D(G(z))"}
    parts = [f"{row['kimg']:.1f} kimg", f"{row['images_per_s']:.0f} images/s"]
    for name, value in row.items():
        turn, _, metric = name.partition("/")
        if metric == "loss" or name in shown:
            half = row.get(f"{name}_ci95")
            spread = "" if half is None else f" ± {half:.3f}"
            after = f" / {row['g/fake']:.3f}" if name == "d/fake" and "g/fake" in row else ""
            parts.append(f"{shown.get(name, turn)} {value:.3f}{spread}{after}")
    return ", ".join(parts)


def say(line: str) -> None:
    """Prints a line above the progress bar."""
    tqdm.write(line, file=sys.stderr)
