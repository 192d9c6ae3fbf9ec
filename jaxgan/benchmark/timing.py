"""Times a full cycle of a config's game: every turn that is due until the pattern repeats."""

import contextlib
import functools
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.benchmark import flops, hardware
from jaxgan.config.registry import bind
from jaxgan.core.game import Batch, Game, State
from jaxgan.parallel import mesh
from jaxgan.training import dispatch, replicas
from jaxgan.training.dispatch import Cycle, Program
from jaxgan.training.loop import build
from jaxgan.training.setup import GIVEN, prepare
from jaxgan.training.step import train_step

CACHE = "/jax/compilation_cache/cache_"  # prefix of jax's events cache_hits and cache_misses


class Timing(NamedTuple):
    """The result of `measure`.

    A step takes one batch of real images; a cycle has every turn at least once.

    device: kind and number. batch: real images per step. repeat: timed repetitions.
    cycle_ms: median, and the 10th and 90th percentile over repetitions. images_per_s: real ones.
    steps_per_dispatch: as config.dispatch. compile_s: excess of the first repetition over the
      median: tracing, lowering, compiling. from_cache: whether XLA's programs were read from disk.
    memory_mb: see `hardware.memory`. params_m: millions of parameters, of all nets.
    gflop: of a cycle, of all seeds, as `flops` counts; gflop_xla: by XLA's cost analysis of the
      program before optimization.
    gflops: per second. peak_gflops: the hardware's, see `hardware.peak`. of_peak: their ratio.
    """

    device: str
    batch: int
    steps_per_cycle: int
    steps_per_dispatch: int
    repeat: int
    cycle_ms: float
    cycle_ms_p10: float
    cycle_ms_p90: float
    images_per_s: float
    compile_s: float
    from_cache: bool
    memory_mb: float
    params_m: float
    gflop: float
    gflop_xla: float
    gflops: float
    peak_gflops: float
    of_peak: float


def measure(config: Mapping[str, Any], *, steps: int, repeat: int, profile: str = "") -> Timing:
    """Compiles and times a config's training steps, as `jaxgan.training.loop` runs them.

    Of a growing game, the last stage is timed. One batch, placed on the devices beforehand, serves
    all steps: neither data nor logs are timed, and the host waits only at the end of a repetition,
    as training does when it logs.

    Args:
      config: as for `training.loop.train`.
      steps: steps per repetition, rounded up to whole cycles; 0 for one cycle.
      repeat: timed repetitions, after two untimed ones.
      profile: a folder for a trace of one more repetition; '' for none.

    Raises:
      UserError: anything in the config that is unknown or does not fit.
    """
    run = bind(prepare, config, at="config", given=GIVEN)()
    last = run.growth.stages[-1]
    n, cycle = len(run.feeds), dispatch.period(run.game, last.start)
    state, columns = replicas.like(run.game, 1), run.feeds[0].abstract(last.start)
    batch = {name: jax.ShapeDtypeStruct(*column) for name, column in columns.items()}
    total, xla = (n * x / 1e9 for x in cost(run.game, cycle, state, batch, jax.random.key(0)))
    params = n * sum(leaf.size for leaf in jax.tree.leaves(state.params))
    with jax.set_mesh(run.mesh):
        program = build(run, first=0)
        dispatches = max(math.ceil(len(cycle) / program.stride), math.ceil(steps / program.stride))
        starts = range(last.start, last.start + dispatches * program.stride, program.stride)
        once = functools.partial(repetition, program, program.feed(last.start), starts)
        with cache_events() as events:
            states, first = once(program.init())
        times = []
        for _ in range(1 + repeat):  # one more to warm up
            states, seconds = once(states)
            times.append(seconds)
        if profile:
            with jax.profiler.trace(profile):
                once(states)
        memory, peak = hardware.memory(), hardware.peak(run.mesh) / 1e9
    cycles = dispatches * program.stride / len(cycle)
    median, p10, p90 = (np.percentile(times[1:], (50, 10, 90)) / cycles).tolist()
    return Timing(
        device=f"{jax.devices()[0].device_kind} x {run.mesh.size}",
        batch=last.batch,
        steps_per_cycle=len(cycle),
        steps_per_dispatch=program.stride,
        repeat=repeat,
        cycle_ms=1e3 * median,
        cycle_ms_p10=1e3 * p10,
        cycle_ms_p90=1e3 * p90,
        images_per_s=n * last.batch * len(cycle) / median,
        compile_s=first - median * cycles,
        from_cache="hits" in events and "misses" not in events,
        memory_mb=memory / 1e6,
        params_m=params / 1e6,
        gflop=total,
        gflop_xla=xla,
        gflops=total / median,
        peak_gflops=peak,
        of_peak=total / median / peak,
    )


def cost(
    game: Game, cycle: Cycle, state: State, batch: Batch, key: jax.Array
) -> tuple[float, float]:
    """Returns the FLOPs of one seed's cycle, as `flops` counts and by XLA's cost analysis."""
    counted = analyzed = 0.0
    for turns in cycle:
        step = functools.partial(train_step, game, turns=turns)
        counted += flops.count(step, state, batch, key)
        analyzed += (jax.jit(step).lower(state, batch, key).cost_analysis() or {}).get("flops", 0)
    return counted, analyzed


def repetition(program: Program, batches: Any, starts: range, states: Any) -> tuple[Any, float]:
    """Dispatches the program at the steps `starts`; returns the new states and the seconds."""
    wait = mesh.lockstep()
    start = time.perf_counter()
    for t in starts:
        states, _ = program.step(states, batches, t)
        if wait:
            jax.block_until_ready(states)
    jax.block_until_ready(states)
    return states, time.perf_counter() - start


@contextlib.contextmanager
def cache_events() -> Iterator[set[str]]:
    """Collects which of "hits" and "misses" JAX's compilation cache reports while open."""
    events: set[str] = set()

    def listen(event: str, **_: Any) -> None:
        if event.startswith(CACHE):
            events.add(event.removeprefix(CACHE))

    jax.monitoring.register_event_listener(listen)
    try:
        yield events
    finally:
        jax.monitoring.unregister_event_listener(listen)
