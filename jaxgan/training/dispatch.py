"""What the loop drives: one run or many seeds of it, one step to a dispatch or several.

Dense nets are so small that dispatching a step takes as long as computing it: they gain from
several steps to a dispatch and from seeds under vmap. On CPU convolutions lose by both: inside a
loop XLA's are far slower, and vmapped over kernels they become grouped ones. There each step is a
dispatch of its own, and seeds take turns. An accelerator waits for the host unless nets are large:
digits by convolutions (experiments/dcgan.py on an H100) pass at 35,300 images/s with 50 steps to a
dispatch and at 19,000 with one.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State
from jaxgan.parallel import mesh as sharding
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas as seeds

Array = jax.Array
Step = Callable[..., tuple[Any, dict[str, Array]]]  # (state, batch, key, *, turns)
Feed = Callable[[int], Mapping[str, np.ndarray]]  # step -> a batch, on the host
Turns = tuple[tuple[str, ...], ...]
MOST = 50  # steps in one dispatch, at most
AHEAD = 2**24  # bytes of batches in one dispatch of convolutions on an accelerator, at most
# XLA's CPU back end copies what a step overwrites wherever it can't rule out a later reader. It
# rules out more with this: updates of gan.py and cgan.py take 8 and 14 % less time (peers.py).
OVERWRITE = {"xla_cpu_copy_insertion_use_region_analysis": True}


class Program(NamedTuple):
    """A run, or one for each seed.

    stride: steps to a dispatch.
    init: () -> states, before the first step.
    step: (states, batches, t) -> (states, metrics), over steps t to t + stride - 1; each metric a
      scalar, or one for each seed. The states handed in are given up.
    feed: t -> those batches, on the devices.
    split: states -> the `State` of each seed.
    pack, unpack: states <-> what a checkpoint holds: a `State`, its leaves (seeds, ...) for many.
    sharding: of that `State` on the devices.
    """

    stride: int
    init: Callable[[], Any]
    step: Callable[[Any, Any, int], tuple[Any, Mapping[str, Any]]]
    feed: Callable[[int], Any]
    split: Callable[[Any], list[State]]
    pack: Callable[[Any], State]
    unpack: Callable[[State], Any]
    sharding: jax.sharding.Sharding


def build(
    step: Step, game: Game, feeds: Sequence[Feed], *, seed: int, mesh: Mesh, stride: int
) -> Program:
    """The program of seeds `seed` to `seed + len(feeds) - 1`.

    Args:
      step: train.train_step, its game bound.
      game: what it plays.
      feeds: the batches of each seed.
      mesh: over `data`, where each batch is split over the devices and seeds take turns; or over
        `seeds`, where these are split and trained at once.
      stride: steps to a dispatch: 1, or a multiple of len(period(game)).
    """
    first = functools.partial(seeds.first, game)
    if "seeds" in mesh.axis_names:
        n, placed = len(feeds), sharding.of_states(mesh)
        init = jax.jit(jax.vmap(first), out_shardings=placed)
        run = dispatch(seeds.replicas(step), game, stride)
        keys = jax.device_put(seeds.keys(seed, n), placed)
        program = _program(run, init, _joint(feeds), keys, mesh, stride)
        return program._replace(split=lambda states: [seeds.pick(states, i) for i in range(n)])
    init = jax.jit(first, out_shardings=sharding.of_states(mesh))
    run = dispatch(step, game, stride)
    programs = [
        _program(run, init, feed, jax.random.key(seed + i), mesh, stride)
        for i, feed in enumerate(feeds)
    ]
    return programs[0] if len(feeds) == 1 else _in_turn(programs)


def dispatch(step: Step, game: Game, stride: int) -> Callable[..., tuple[Any, dict[str, Array]]]:
    """(states, batches, keys, t) -> (states, metrics): `stride` steps from t on, compiled."""
    if stride == 1:
        one = compiled(step)
        return lambda states, batch, keys, t: one(states, batch, keys, turns=core.due(game, t))
    several = compiled(functools.partial(chunk, step))
    return lambda states, batches, keys, t: several(states, batches, keys, turns=period(game, t))


def compiled(step: Step) -> Step:
    """`step` under jit, for the platform in use; the states handed in are given up."""
    options = OVERWRITE if jax.default_backend() == "cpu" else None
    return jax.jit(step, static_argnames="turns", donate_argnums=0, compiler_options=options)


def chunk(
    step: Step, states: Any, batches: Batch, keys: Array, *, turns: Turns
) -> tuple[Any, dict[str, Array]]:
    """Many steps in one dispatch: a scan over periods, each period unrolled.

    Which turns play is static, hence the unrolling.

    Args:
      step: (states, batch, keys, *, turns) -> (states, metrics).
      states: at a step that is a multiple of len(turns).
      batches: leaves (steps, ...), steps a multiple of len(turns).
      keys: as `step` takes them.
      turns: `period(game, t)`, t their step.

    Returns:
      The states, and each metric's mean over the steps that report it: not finite where any of
      its values was not.
    """
    cycles = jax.tree.map(lambda x: x.reshape(-1, len(turns), *x.shape[1:]), batches)

    def cycle(states: Any, batches: Batch) -> tuple[Any, dict[str, Array]]:
        seen: dict[str, list[Array]] = {}
        for t, names in enumerate(turns):
            batch = jax.tree.map(lambda x, t=t: x[t], batches)
            states, metrics = step(states, batch, keys, turns=names)
            for name, value in metrics.items():
                seen.setdefault(name, []).append(value)
        return states, {name: sum(values) / len(values) for name, values in seen.items()}

    states, metrics = jax.lax.scan(cycle, states, cycles)
    return states, {name: values.mean(axis=0) for name, values in metrics.items()}


def period(game: Game, start: int = 0) -> Turns:
    """The turns due at each step, from `start` on, of the shortest cycle that all turns share."""
    length = math.lcm(*(turn.every for turn in game.turns))
    return tuple(core.due(game, start + t) for t in range(length))


def stride(game: Game, wish: int | str, spans: Sequence[int], size: int) -> int:
    """How many steps go to a dispatch.

    Args:
      game: whose turns come round every len(period(game)) steps.
      wish: a number, or 'auto': for dense nets the most that fit, up to MOST; for convolutions
        on an accelerator too, of batches up to AHEAD bytes, if every step plays the same turns
        (a longer cycle is unrolled, and slow to compile); else 1.
      spans: steps that dispatches must end on, and whose multiples: the run's length, the
        intervals of logs, pictures and checkpoints, the step to go on from.
      size: bytes of one step's batches.

    Raises:
      UserError: a number that does not fit, or is neither 'auto' nor one.
    """
    borders = [t for turn in game.turns for t in turn.span if t]
    whole, cycle = math.gcd(*spans, *borders), len(period(game))
    if wish == "auto":
        ahead = AHEAD // size if cycle == 1 and jax.default_backend() != "cpu" else 1
        most = min(MOST, whole, MOST if dense(game) else ahead)
        return max((k for k in range(cycle, most + 1, cycle) if whole % k == 0), default=1)
    if not isinstance(wish, int) or wish < 1:
        raise UserError(f"config.dispatch={wish!r}: a number of steps, or auto")
    if wish > 1 and (whole % wish or wish % cycle):
        raise UserError(
            f"config.dispatch={wish}: must divide {whole}, which divides all intervals and the "
            f"run's length, and be a multiple of {cycle}, after which all turns have come round"
        )
    return wish


def at_once(game: Game, wish: str) -> bool:
    """Whether seeds are trained at once: 'vmap', 'turns', or 'auto' by nets and platform.

    Raises:
      UserError: another wish.
    """
    if wish not in ("auto", "vmap", "turns"):
        raise UserError(f"config.replicas={wish!r}: auto, vmap or turns")
    return wish == "vmap" or (wish == "auto" and (dense(game) or jax.default_backend() != "cpu"))


def dense(game: Game) -> bool:
    """Whether no net has a convolution: no parameter of more than two dimensions."""
    params = jax.eval_shape(game.init, jax.random.key(0))[0]
    return all(leaf.ndim <= 2 for leaf in jax.tree.leaves(params))


def _program(
    run: Callable[..., tuple[Any, Any]],
    init: Callable[[Array], State],
    feed: Feed,
    keys: Array,
    mesh: Mesh,
    stride: int,
) -> Program:
    """One state, of one seed or stacked."""
    rows = feed if stride == 1 else lambda t: _stack([feed(t + i) for i in range(stride)])
    return Program(
        stride=stride,
        init=lambda: init(keys),
        step=lambda states, batches, t: run(states, batches, keys, t),
        feed=lambda t: sharding.place(mesh, rows(t), axis=int(stride > 1)),
        split=lambda state: [state],
        pack=lambda state: state,
        unpack=lambda state: state,
        sharding=sharding.of_states(mesh),
    )


def _in_turn(programs: list[Program]) -> Program:
    """Programs that each take a dispatch in turn; states, batches are lists, metrics too."""

    def step(states: list[State], batches: list[Any], t: int) -> tuple[list[State], dict]:
        done = [p.step(*rest, t) for p, *rest in zip(programs, states, batches, strict=True)]
        states, metrics = zip(*done, strict=True)
        return list(states), {name: [row[name] for row in metrics] for name in metrics[0]}

    return Program(
        stride=programs[0].stride,
        init=lambda: [p.init() for p in programs],
        step=step,
        feed=lambda t: [p.feed(t) for p in programs],
        split=lambda states: states,
        pack=lambda states: jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *states),
        unpack=lambda state: [seeds.pick(state, i) for i in range(len(programs))],
        sharding=programs[0].sharding,
    )


def _joint(feeds: Sequence[Feed]) -> Feed:
    return lambda t: _stack([feed(t) for feed in feeds])


def _stack(rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
