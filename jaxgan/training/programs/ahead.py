"""Compiles a run's training programs in a thread, before they are due.

The thread compiles the first step's while the caller builds the state and draws the first picture,
then those of other sets of turns while training goes on, and of a growing run those of one span
ahead. The calls find them in the cache of the jitted step: when a program was compiled changes
nothing else.
"""

import functools
from collections.abc import Callable, Iterable

import jax

from jaxgan.runtime.background import Background
from jaxgan.training import dispatch
from jaxgan.training.dispatch import Program
from jaxgan.training.programs.due import Span, Turns, spans
from jaxgan.training.setup import Run


class Ahead:
    """The programs of a run's steps, each compiled before it is called."""

    def __init__(self, run: Run, program: Program, first: int):
        """Starts to compile those of the first span of steps, from step `first` on."""
        self.program, self._feed = program, run.feeds[0]
        self._thread = Background(functools.partial(jax.set_mesh, run.mesh))
        length = min(max(dispatch.cycle_length(run.game), program.stride), dispatch.LONGEST)
        self._rest = spans(
            run.game, run.growth.stages, program.stride, range(first, run.steps), length
        )
        self._now, self._next = Span(first, first, {}), self._begin()
        self._ready: set[Turns] = set()
        self.reach(first, wait=False)

    def reach(
        self, t: int, *, wait: bool = True, stopped: Callable[[], bool] | None = None
    ) -> bool:
        """Waits for the program of the dispatch at step t, of steps that come in order.

        Returns whether it is there: False where `stopped` came first.

        Raises:
          What compiling it raised.
        """
        if self._next and t >= self._next.start:
            self._now, self._next, self._ready = self._next, self._begin(), set()
        turns = self.program.turns(t)
        if wait and turns not in self._ready and turns in self._now.programs:
            if not self._thread.wait((self._now.start, turns), stopped):
                return False
            self._ready.add(turns)
        return True

    def add(self, programs: Iterable[Callable[[], jax.stages.Lowered]]) -> Callable[[], None]:
        """Queues other programs, by what lowers them; returns what waits for them."""
        queued = list(programs)
        for lower in queued:
            self._thread.submit(lower, functools.partial(_compile, lower))

        def ready() -> None:
            for lower in queued:
                self._thread.wait(lower)

        return ready

    def close(self) -> None:
        """Compiles no more."""
        self._thread.close()

    def _begin(self) -> Span | None:
        """Queues the programs of the next span, and returns it; None at the end."""
        span = next(self._rest, None)
        for turns, t in span.programs.items() if span else ():
            self._thread.submit((span.start, turns), functools.partial(_compile, self._lower, t))
        return span

    def _lower(self, t: int) -> jax.stages.Lowered:
        return self.program.lower(self._feed.abstract(t), t)


def _compile(lower: Callable[..., jax.stages.Lowered], *args: int) -> None:
    lower(*args).compile()
