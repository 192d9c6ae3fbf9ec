"""The loop. One function, read from top to bottom, trains every recipe."""

import contextlib
import functools
import math
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from jaxgan.config.registry import Node, bind
from jaxgan.core import game as core
from jaxgan.core import schedule
from jaxgan.core.game import Batch, Game, Spec, State
from jaxgan.core.growth import Growth
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches, prefetch
from jaxgan.data.source import Source
from jaxgan.parallel import mesh as sharding
from jaxgan.runtime.environment import Clock
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch as program
from jaxgan.training import logger as metrics
from jaxgan.training import replicas as replicated
from jaxgan.training import workdir as recipe
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.diagnostics import CollapseWatch
from jaxgan.training.dispatch import Program
from jaxgan.training.snapshots import Viewer
from jaxgan.visual import grid as pictures

TERMINAL = sys.stderr.isatty()
INTERRUPTED = 75  # exit code of a run that was told to stop and saved itself (EX_TEMPFAIL)


class Log(NamedTuple):
    """config.log: how often scalars and sample grids are written, and how many samples."""

    every: int | str = 50
    pictures: int | str = 500
    samples: int = 64


class Save(NamedTuple):
    """config.checkpoint: how often; how many of the latest stay; every which stays for ever."""

    every: int | str = 1000
    keep: int = 2
    keep_every: int | str = 0


class Run(NamedTuple):
    """A config, made real; durations in steps."""

    game: Game
    spec: Spec
    growth: Growth
    feeds: list[Batches]  # of each seed
    mesh: jax.sharding.Mesh
    seed: int
    batch: int
    steps: int
    dispatch: int | str
    log: Log
    save: Save


def prepare(
    *,
    seed: int,
    steps: int | str,
    batch: int,
    data: Mapping[str, Any],
    game: Node,
    optim: Mapping[str, Node],
    log: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    growth: Mapping[str, Any] | None = None,
    seeds: int = 1,
    replicas: str = "auto",
    dispatch: int | str = "auto",
    clock: Clock | None = None,
) -> Run:
    """Builds all that a config describes; its keyword arguments are the config's top-level keys.

    Args:
      seed: settles every draw of the run.
      steps, batch: the run's length, and items in a step.
      data, game, optim, log, checkpoint: nodes, see data.load, games, optim, `Log` and `Save`.
      growth: stages of rising resolution, see schedule.grow; none without.
      seeds: how many replicas are trained, with seeds `seed`, `seed + 1` and so on.
      replicas: 'vmap', all at once; 'turns', one after another at each step; 'auto': vmap but for
        convolutions on a CPU.
      dispatch: steps in one call of the device, or 'auto', see program.stride.
      clock: no key; it is told when the data are open.

    Raises:
      UserError: anything in the config that is unknown or does not fit.
    """
    source = load(**{key: value for key, value in data.items() if key != "flip"})
    if clock:
        clock.lap("data")
    spec = Spec(tuple(source.shape), len(source.classes), source.condition_dim)
    if seeds < 1:
        raise UserError(f"config.seeds={seeds}: at least 1")
    stages = schedule.plan(growth, shape=spec.shape, images=batch, size=source.size)
    total = schedule.total(steps, growth=stages, size=source.size, at="config.steps")
    played = recipe.make_game(game, optim, spec=spec, steps=total, growth=stages)
    in_steps = functools.partial(intervals, growth=stages, size=source.size)
    at_once = program.at_once(played, replicas) and seeds > 1
    return Run(
        game=played,
        spec=spec,
        growth=stages,
        feeds=[feed(source, stages, seed + i, data.get("flip", False)) for i in range(seeds)],
        mesh=sharding.seeds(seeds) if at_once else sharding.mesh(math.gcd(*stages.batches())),
        seed=seed,
        batch=batch,
        steps=total,
        dispatch=dispatch,
        log=in_steps(bind(Log, log, at="config.log")(), "config.log"),
        save=in_steps(bind(Save, checkpoint, at="config.checkpoint")(), "config.checkpoint"),
    )


def intervals(node: Any, at: str, growth: Growth, size: int) -> Any:
    """`Log` or `Save` with its fields named every, pictures and keep_every in steps."""
    spans = [f for f in node._fields if f in ("every", "pictures", "keep_every")]
    given = {"growth": growth, "size": size}
    return node._replace(
        **{f: schedule.interval(getattr(node, f), at=f"{at}.{f}", **given) for f in spans}
    )


def feed(source: Source, growth: Growth, seed: int, flip: bool) -> Batches:
    """This process's share of the batches of one seed."""
    hosts = {"process": jax.process_index(), "processes": jax.process_count()}
    return Batches(source, batch=growth, seed=seed, flip=flip, **hosts)


def train_step(
    game: Game, state: State, batch: Batch, key: jax.Array, *, turns: tuple[str, ...]
) -> tuple[State, dict[str, jax.Array]]:
    """One step on a batch as the data give it: uint8 images become floats in [-1, 1]."""
    return core.step(game, state, jax.tree.map(_to_float, batch), key, turns=turns)


def _to_float(x: jax.Array) -> jax.Array:
    return x.astype(np.float32) / 127.5 - 1 if x.dtype == np.uint8 else x


def train(config: Mapping[str, Any], workdir: Path, clock: Clock | None = None) -> int:
    """Trains, or goes on training, the run of `config` in `workdir`.

    `clock` runs since the command was given.

    Returns:
      0 when all steps are taken, INTERRUPTED when SIGTERM or SIGINT ended it after a save.

    Raises:
      UserError: bad input, found before the first step where that is possible; a full disk; a
        loss that is not finite (the last good checkpoint is kept).
    """
    clock = clock or Clock()
    run = bind(prepare, config, at="config", given=("clock",))(clock=clock)
    (workdir / "samples").mkdir(parents=True, exist_ok=True)
    recipe.record(workdir, config, run.spec, run.steps, run.growth)
    saves = Checkpoints(workdir / "checkpoints", keep=run.save.keep, every=run.save.keep_every)
    with jax.set_mesh(run.mesh), contextlib.closing(saves), StopSignal() as stop:
        done = loop(run, workdir, saves, stop, clock)
    pictures.save_curves(workdir / "curves.png", metrics.read(workdir))
    pictures.save_gif(workdir / "progress.gif", sorted((workdir / "samples").glob("*.png")))
    say(f"{'stopped' if done < run.steps else 'done'} at step {done}; pictures in {workdir}")
    return INTERRUPTED if done < run.steps else 0


def loop(run: Run, workdir: Path, saves: Checkpoints, stop: "StopSignal", clock: Clock) -> int:
    """Takes the steps that are left and returns how many were taken in all."""
    first = done = saves.latest() or 0
    todo = assemble(run, first)
    state = start(todo, run, saves)
    clock.lap("build")
    viewer = Viewer(
        run.game,
        jax.tree.map(_to_float, run.feeds[0](0)),
        samples=run.log.samples,
        key=jax.random.fold_in(jax.random.key(run.seed), 1),
        folder=workdir / "samples",
    )
    watch = CollapseWatch(after=max(run.steps // 10, run.growth.stages[-1].start))
    writer = metrics.Writer(workdir, first)
    meter = metrics.Meter(lambda t: run.growth.seen(t) * len(run.feeds))
    if first == 0:
        writer.image(0, "samples", viewer.draw(todo.split(state), 0))
    clock.lap("first picture")
    bar = tqdm(total=run.steps, initial=first, unit="step", mininterval=1 if TERMINAL else 20)
    starts = range(first, run.steps, todo.stride)
    batches = prefetch(todo.feed, starts)
    with bar, contextlib.closing(writer), contextlib.closing(batches):
        for t, batch in zip(starts, batches, strict=True):
            state, values = todo.step(state, batch, t)
            meter.add(values, todo.stride)
            if sharding.lockstep() or t == first:
                jax.block_until_ready(state)
            if t == first:
                clock.lap("first step")
                say(f"first step after {clock}")
            done = t + todo.stride
            last = done == run.steps or stop.caught
            bar.update(todo.stride)
            look, save = (last or done % n == 0 for n in (run.log.pictures, run.save.every))
            if look or save or done % run.log.every == 0:
                row = {**run.growth.readings(done), **meter.read(done, saves.latest())}
                bar.set_postfix_str(summary(row), refresh=False)
                if look:
                    replicas = todo.split(state)
                    writer.image(done, "samples", viewer.draw(replicas, done))
                    row |= viewer.diagnose(replicas)
                    if warning := watch(done, row["diagnosis/diversity"]):
                        say(warning)
                writer.scalars(done, row)
            if save:
                # its metrics were read above: only finite states are saved
                saves.save(todo.pack(state), done)
            if last:
                break
    return done


def assemble(run: Run, first: int) -> Program:
    """What drives a run that goes on from step `first`: its `train_step`, compiled."""
    spans = (run.steps, run.log.every, run.log.pictures, run.save.every, first)
    size = len(run.feeds) * sum(leaf.nbytes for leaf in run.feeds[0](first).values())
    stride = program.stride(run.game, run.dispatch, spans, size)
    step = functools.partial(train_step, run.game)
    return program.build(step, run.game, run.feeds, seed=run.seed, mesh=run.mesh, stride=stride)


def start(todo: Program, run: Run, saves: Checkpoints) -> Any:
    """Fresh states, or the newest checkpoint's, where the program wants them."""
    if saves.latest() is None:
        return todo.init()
    say(f"going on from step {saves.latest()}")
    return todo.unpack(saves.load(replicated.like(run.game, len(run.feeds)), todo.sharding))


def summary(row: Mapping[str, float]) -> str:
    """One row of metrics as the progress bar shows it."""
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


class StopSignal:
    """While open, SIGTERM and SIGINT set `caught`, so that the loop ends after a save."""

    def __init__(self) -> None:
        self.caught = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _catch(self, number: int, _frame: object) -> None:
        self.caught = True
        # A second signal is not caught: it ends the run at once.
        signal.signal(number, self._before[number])
