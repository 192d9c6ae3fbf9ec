"""Which programs a run dispatches, and from which step on."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jaxgan.core import game as core
from jaxgan.core.game import Game
from jaxgan.core.growth import Stage
from jaxgan.training import dispatch

Turns = tuple[Any, ...]  # of a step; of a dispatch of several steps, those of each


class Span(NamedTuple):
    """Steps whose dispatches are those of a cycle of turns, over and over, on batches of one size.

    start, stop: its steps. programs: each distinct set of turns, with the first step that it is
    dispatched at.
    """

    start: int
    stop: int
    programs: dict[Turns, int]


def spans(
    game: Game, stages: Sequence[Stage], stride: int, steps: range, length: int
) -> Iterator[Span]:
    """Yields the spans of some steps, in order.

    Args:
      game: the game. stages: of its growth. stride: steps per dispatch.
      steps: consecutive ones, of which a dispatch begins at the first.
      length: of how many steps of a span the turns are looked at, those of a cycle.
    """
    due = core.due if stride == 1 else dispatch.period
    borders = {stage.start for stage in stages} | {t for turn in game.turns for t in turn.span if t}
    inner = sorted(t for t in borders if steps.start < t < steps.stop)
    for start, end in itertools.pairwise([steps.start, *inner, steps.stop]):
        found: dict[Turns, int] = {}
        for t in range(start, min(end, start + length), stride):
            found.setdefault(due(game, t), t)
        yield Span(start, end, found)
