"""Times one full cycle of a config's game: every turn that is due until the pattern repeats."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan import flops, machine, seeds, sharding
from jaxgan import game as core
from jaxgan.game import Batch, Game, State
from jaxgan.resolve import bind
from jaxgan.train import prepare, train_step

Turns = tuple[str, ...]
Program = Callable[[State, Batch, jax.Array], tuple[State, dict[str, jax.Array]]]
HIT = "/jax/compilation_cache/cache_hits"  # jax's event


class Timing(NamedTuple):
    """What `measure` finds. A step is one batch of reals; a cycle plays every turn at least once.

    device: kind and number. steps_per_cycle, batch: images. repeat: timed repetitions.
    cycle_ms: median, and the 10th and 90th percentile over repetitions. images_per_s: reals.
    compile_s: tracing, lowering and compiling all programs. from_cache: whether XLA's part of that
      was read from the cache.
    memory_mb: see `machine.memory`. params_m: millions of parameters, of all nets.
    gflop: a cycle's, as `flops` counts them; gflop_xla: by XLA's cost analysis, all devices.
    gflops: per second. peak_gflops: the machine's, see `machine.peak`. of_peak: their ratio.
    """

    device: str
    batch: int
    steps_per_cycle: int
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
    """Compiles and times a config's training steps, as `jaxgan.train` plays them.

    One batch is put on the devices beforehand and serves every step: neither data nor logs are
    timed, and the host waits only at the end of a repetition, as training does at a log.

    Args:
      config: as for `train.train`.
      steps: to take in each repetition, rounded up to whole cycles; 0 for one cycle.
      repeat: timed repetitions, after two that are not.
      profile: a folder for a trace of one more cycle; '' for none.

    Raises:
      UserError: anything in the config that is unknown or does not fit.
    """
    run = bind(prepare, config, at="config", given=("clock",))()
    cycle = seeds.period(run.game)
    with jax.set_mesh(run.mesh):
        everywhere = sharding.replicated(run.mesh)
        key = jax.device_put(jax.random.key(run.seed), everywhere)
        fresh = jax.jit(functools.partial(core.init, run.game), out_shardings=everywhere)
        state = fresh(jax.random.fold_in(key, 0))
        args = state, sharding.place(run.mesh, run.batches(0)), key
        cost = {turns: count(run.game, turns, *args) for turns in cycle}
        params = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        with cache_hits() as hits:
            started = time.perf_counter()
            programs = {turns: build(run.game, turns, *args) for turns in cycle}
            compile_s = time.perf_counter() - started
        xla = {turns: (p.cost_analysis() or {}).get("flops", 0) for turns, p in programs.items()}
        plays = [programs[turns] for turns in cycle]
        cycles = max(1, math.ceil(steps / len(cycle)))
        times = repetitions(plays * cycles, *args, repeat=repeat, profile=profile)
        took = np.asarray(times) / cycles
        memory, peak = machine.memory(), machine.peak(run.mesh)
    median, p10, p90 = np.percentile(took, (50, 10, 90)).tolist()
    total = sum(cost[turns] for turns in cycle)
    return Timing(
        device=f"{jax.devices()[0].device_kind} x {run.mesh.size}",
        batch=run.batch,
        steps_per_cycle=len(cycle),
        repeat=repeat,
        cycle_ms=1e3 * median,
        cycle_ms_p10=1e3 * p10,
        cycle_ms_p90=1e3 * p90,
        images_per_s=run.batch * len(cycle) / median,
        compile_s=compile_s,
        from_cache=len(hits) == len(programs),
        memory_mb=memory / 1e6,
        params_m=params / 1e6,
        gflop=total / 1e9,
        gflop_xla=sum(xla[turns] for turns in cycle) * run.mesh.size / 1e9,
        gflops=total / median / 1e9,
        peak_gflops=peak / 1e9,
        of_peak=total / median / peak,
    )


def count(game: Game, turns: Turns, state: State, batch: Batch, key: jax.Array) -> int:
    """FLOPs of one step with these turns, as `flops` counts them."""
    return flops.count(functools.partial(train_step, game, turns=turns), state, batch, key)


def build(game: Game, turns: Turns, state: State, batch: Batch, key: jax.Array) -> Program:
    """One step with these turns, compiled as in training: the old state's memory is reused."""
    step = jax.jit(functools.partial(train_step, game, turns=turns), donate_argnums=0)
    return step.lower(state, batch, key).compile()


def repetitions(
    plays: list[Program], state: State, batch: Batch, key: jax.Array, *, repeat: int, profile: str
) -> list[float]:
    """Seconds that each of `repeat` repetitions of all `plays` took."""
    wait = sharding.lockstep()

    def once(state: State) -> tuple[State, float]:
        started = time.perf_counter()
        for play in plays:
            state, _ = play(state, batch, key)
            if wait:
                jax.block_until_ready(state)
        jax.block_until_ready(state)
        return state, time.perf_counter() - started

    times = []
    for _ in range(2 + repeat):
        state, took = once(state)
        times.append(took)
    if profile:
        with jax.profiler.trace(profile):
            once(state)
    return times[2:]


@contextlib.contextmanager
def cache_hits() -> Iterator[list[str]]:
    """A list that gains an item for each program that is read from jax's cache while open."""
    hits: list[str] = []

    def listen(event: str, **_: Any) -> None:
        if event == HIT:
            hits.append(event)

    jax.monitoring.register_event_listener(listen)
    try:
        yield hits
    finally:
        jax.monitoring.unregister_event_listener(listen)
