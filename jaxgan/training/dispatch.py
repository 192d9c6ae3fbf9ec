"""How training steps are dispatched: one seed or several, one step per dispatch or several.

Dispatching a step of small dense nets takes as long as computing it: they gain from several steps
per dispatch and from seeds under vmap. Convolutions on a CPU lose by both: inside a loop XLA's are
far slower, and vmapped over kernels they become grouped convolutions. There each step is a dispatch
of its own, and seeds run sequentially. An accelerator waits for the host unless nets are large:
experiments/dcgan.py on an H100 trains at 35,300 images/s with 50 steps per dispatch and at 19,000
with one.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State
from jaxgan.parallel import mesh as parallel
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas
from jaxgan.training.programs.options import on_cpu, options

Step = Callable[..., tuple[Any, dict[str, Array]]]  # (state, batch, key, *, turns)
Feed = Callable[[int], Mapping[str, np.ndarray]]  # step -> a batch, on the host
Cycle = tuple[tuple[str, ...], ...]  # the turns due at each step of a cycle
Init = Callable[[Array], State]
Keys = Callable[[], Array]
Columns = Mapping[str, tuple[tuple[int, ...], str]]  # of a batch: shapes and dtypes
Run = tuple[jax.stages.Wrapped, Callable[[int], Any]]  # several steps; t -> the turns they take
MOST = 50  # steps in one dispatch, at most
LONGEST = 500  # steps of a cycle that is unrolled, at most
AHEAD = 2**24  # bytes of batches in one dispatch of convolutions on an accelerator, at most


class Single:
    """The program of one seed, or of several stacked and vmapped."""

    def __init__(self, init: Init, run: Run, feed: Feed, keys: Keys, mesh: Mesh, stride: int):
        """Binds what `build` made.

        Args:
          init: keys -> states. run: from `dispatch`.
          feed: step -> a batch, on the host; of several seeds, stacked.
          keys: makes the key of the seed, or (seeds,).
          mesh: of the run. stride: steps per dispatch.
        """
        self.stride = stride
        self.sharding = parallel.of_states(mesh)
        self._init, self._feed, self._make_keys, self._mesh = init, feed, keys, mesh
        self._run, self.turns = run

    @functools.cached_property
    def _keys(self) -> Array:
        return self._make_keys()

    def init(self) -> State:
        """Returns the state before the first step."""
        return self._init(self._keys)

    def feed(self, t: int) -> Mapping[str, Array]:
        """Returns the batches of the dispatch at step t, on the devices."""
        rows = [self._feed(t + i) for i in range(self.stride)]
        batch = replicas.stack(rows) if self.stride > 1 else rows[0]
        return parallel.place(self._mesh, batch, axis=int(self.stride > 1))

    def step(self, states: State, batches: Any, t: int) -> tuple[State, Mapping[str, Array]]:
        """Takes steps t to t + stride - 1. The buffers of `states` are donated."""
        return self._run(states, batches, self._keys, turns=self.turns(t))

    def lower(self, columns: Columns, t: int) -> jax.stages.Lowered:
        """Lowers the dispatch at step t from shapes, for devices that need not be here.

        `columns`: of one seed's batch at step t, see Batches.abstract.
        """
        several, keys = self.stride > 1, jax.eval_shape(self._make_keys)
        leading = (self.stride,) * several + keys.shape
        batch = {k: jax.ShapeDtypeStruct(leading + s, d) for k, (s, d) in columns.items()}
        batches = parallel.abstract(batch, parallel.of_batches(self._mesh, int(several)))
        states, keys = parallel.abstract((jax.eval_shape(self._init, keys), keys), self.sharding)
        return self._run.lower(states, batches, keys, turns=self.turns(t))

    def split(self, states: State) -> list[State]:
        """Returns the `State` of each seed."""
        if self._keys.ndim == 0:
            return [states]
        return [replicas.pick(states, i) for i in range(len(self._keys))]

    def pack(self, states: State) -> State:
        """Returns what a checkpoint holds."""
        return states

    def unpack(self, state: State) -> State:
        """Returns the states of what a checkpoint holds."""
        return state


class Sequential:
    """The programs of several seeds, each dispatched in turn; states and batches are lists."""

    def __init__(self, programs: Sequence[Single]):
        """`programs`: one per seed."""
        self.stride, self.sharding = programs[0].stride, programs[0].sharding
        self._programs = programs

    def init(self) -> list[State]:
        """Returns the states before the first step."""
        return [program.init() for program in self._programs]

    def feed(self, t: int) -> list[Mapping[str, Array]]:
        """Returns each seed's batches of the dispatch at step t, on the devices."""
        return [program.feed(t) for program in self._programs]

    def step(
        self, states: list[State], batches: list[Any], t: int
    ) -> tuple[list[State], dict[str, list[Array]]]:
        """Takes steps t to t + stride - 1. The buffers of `states` are donated."""
        each = zip(self._programs, states, batches, strict=True)
        done = [program.step(state, batch, t) for program, state, batch in each]
        new, metrics = zip(*done, strict=True)
        return list(new), {name: [row[name] for row in metrics] for name in metrics[0]}

    def turns(self, t: int) -> Cycle | tuple[str, ...]:
        """Returns the turns of the dispatch at step t."""
        return self._programs[0].turns(t)

    def lower(self, columns: Columns, t: int) -> jax.stages.Lowered:
        """Lowers one seed's dispatch at step t, see `Single.lower`; all seeds' are alike."""
        return self._programs[0].lower(columns, t)

    def split(self, states: list[State]) -> list[State]:
        """Returns the `State` of each seed."""
        return states

    def pack(self, states: list[State]) -> State:
        """Returns what a checkpoint holds: one `State` whose leaves are stacked over seeds."""
        return jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *states)

    def unpack(self, state: State) -> list[State]:
        """Returns the states of what a checkpoint holds."""
        return [replicas.pick(state, i) for i in range(len(self._programs))]


Program = Single | Sequential


def build(
    step: Step, game: Game, feeds: Sequence[Feed], *, seed: int, mesh: Mesh, stride: int
) -> Program:
    """Builds the program of seeds `seed` to `seed + len(feeds) - 1`.

    Args:
      step: training.step.train_step with its game bound.
      game: the game it plays.
      feeds: the batches of each seed.
      mesh: over `data`, where each batch is split over the devices and seeds run sequentially; or
        over `seeds`, where these are split over the devices and trained at once.
      stride: steps per dispatch: 1, or a multiple of len(period(game)).
    """
    first = functools.partial(replicas.first, game)
    placed, platform = parallel.of_states(mesh), parallel.platform(mesh)
    once = options(platform, seldom=True)
    if "seeds" in mesh.axis_names:
        init = jax.jit(jax.vmap(first), out_shardings=placed, compiler_options=once)
        run = dispatch(replicas.replicate(step), game, stride, platform)
        keys = jax.jit(functools.partial(replicas.keys, seed, len(feeds)), out_shardings=placed)
        return Single(
            init, run, lambda t: replicas.stack([feed(t) for feed in feeds]), keys, mesh, stride
        )
    init = jax.jit(first, out_shardings=placed, compiler_options=once)
    run = dispatch(step, game, stride, platform)
    programs = [
        Single(init, run, feed, functools.partial(jax.random.key, seed + i), mesh, stride)
        for i, feed in enumerate(feeds)
    ]
    return programs[0] if len(feeds) == 1 else Sequential(programs)


def dispatch(step: Step, game: Game, stride: int, platform: str) -> Run:
    """Compiles `stride` steps, and returns them with t -> the turns they take from step t on."""
    whole, turns = (step, core.due) if stride == 1 else (functools.partial(chunk, step), period)
    return compiled(whole, platform), functools.partial(turns, game)


def compiled(step: Step, platform: str | None = None) -> jax.stages.Wrapped:
    """Compiles `step` for a platform, or the one in use; the input states' buffers are donated."""
    how = options(platform)
    return jax.jit(step, static_argnames="turns", donate_argnums=0, compiler_options=how)


def chunk(
    step: Step, states: Any, batches: Batch, keys: Array, *, turns: Cycle
) -> tuple[Any, dict[str, Array]]:
    """Takes many steps in one dispatch: a scan over cycles of turns, each cycle unrolled.

    Which turns play at a step is static, hence the unrolling.

    Args:
      step: (states, batch, keys, *, turns) -> (states, metrics).
      states: at a step that is a multiple of len(turns).
      batches: leaves (steps, ...), steps a multiple of len(turns).
      keys: as `step` takes them.
      turns: `period(game, t)`, t their step.

    Returns:
      The states, and each metric's mean over the steps that report it, which is not finite where
      any value was not.
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


def period(game: Game, start: int = 0) -> Cycle:
    """Returns the turns due at each step of the shortest cycle of all turns, from `start` on.

    Raises:
      UserError: a cycle of more than LONGEST steps.
    """
    length = cycle_length(game)
    if length > LONGEST:
        raise UserError(
            f"the game's turns repeat only after {length} steps, and a program of all of them is "
            f"compiled; set intervals (n_critic, every) that repeat within {LONGEST}"
        )
    return tuple(core.due(game, start + t) for t in range(length))


def cycle_length(game: Game) -> int:
    """Returns after how many steps the turns repeat."""
    return math.lcm(*(turn.every for turn in game.turns))


def stride(
    game: Game, wish: int | str, intervals: Sequence[int], size: int, platform: str | None = None
) -> int:
    """Returns the number of steps per dispatch.

    Args:
      game: its turns repeat every len(period(game)) steps.
      wish: a number, or 'auto': for dense nets the most that fit, up to MOST; likewise for
        convolutions on an accelerator, with batches up to AHEAD bytes, if every step plays the
        same turns (a longer cycle is unrolled, and slow to compile); else 1.
      intervals: steps on whose multiples dispatches must end: the run's length, the intervals of
        logs, pictures and checkpoints, the step to resume from.
      size: bytes of one step's batches. platform: of the devices; None for the one in use.

    Raises:
      UserError: a number that does not fit, or is neither 'auto' nor one.
    """
    borders = [t for turn in game.turns for t in turn.span if t]
    whole, cycle = math.gcd(*intervals, *borders), cycle_length(game)
    if wish == "auto":
        ahead = 1 if on_cpu(platform) or cycle > 1 else AHEAD // size
        most = min(MOST, whole, MOST if dense(game.init) else ahead)
        return max((k for k in range(cycle, most + 1, cycle) if whole % k == 0), default=1)
    if not isinstance(wish, int) or wish < 1:
        raise UserError(f"config.dispatch={wish!r}: a number of steps, or auto")
    if wish > 1 and (whole % wish or wish % cycle):
        raise UserError(
            f"config.dispatch={wish}: must divide {whole}, which divides all intervals and the "
            f"run's length, and be a multiple of {cycle}, after which the turns repeat"
        )
    return wish


def vmapped(game: Game, wish: str, platform: str | None = None) -> bool:
    """Returns whether seeds are trained at once.

    Args:
      wish: 'vmap', 'sequential', or 'auto': vmap unless convolutions run on a CPU.
      platform: of the devices; None for the one in use.

    Raises:
      UserError: another wish.
    """
    if wish not in ("auto", "vmap", "sequential"):
        raise UserError(f"config.replicas={wish!r}: auto, vmap or sequential")
    return wish == "vmap" or (wish == "auto" and (dense(game.init) or not on_cpu(platform)))


@functools.lru_cache(maxsize=1)  # a run asks twice, and tracing StyleGAN2's takes half a second
def dense(init: Callable[[Array], Any]) -> bool:
    """Returns whether `game.init` makes no convolution: no parameter of over two dimensions."""
    params = jax.eval_shape(lambda: init(jax.random.key(0)))[0]
    return all(leaf.ndim <= 2 for leaf in jax.tree.leaves(params))
