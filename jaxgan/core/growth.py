"""Growing: which resolution trains at a step, how far it has faded in, how large its batch is.

A run is a list of stages (Karras et al. 2018, section 2). The first resolution trains alone; each
next one fades in, then trains; the last goes on for ever. All of it follows from the step, so a
resumed run needs nothing else. A run that does not grow is one stage. What nets make of a stage is
in nets/growing.py; here nothing needs JAX.
"""

import math
from typing import NamedTuple


class Stage(NamedTuple):
    """One resolution's share of a run.

    res: pixels a side.
    start: its first step. stop: the step after its last, None for the last stage.
    fade: steps, from `start` on, over which it fades in; 0 where nothing comes before.
    batch: images a step. seen: images of all steps before `start`.
    rate: what learning rates are multiplied by.
    """

    res: int
    start: int
    stop: int | None
    fade: int
    batch: int
    seen: int
    rate: float = 1.0

    def alpha(self, t: int) -> float:
        """How far it has faded in at step t: from 0 at `start` to 1, linearly."""
        return min(max((t - self.start) / self.fade, 0.0), 1.0) if self.fade else 1.0


class Growth(NamedTuple):
    """A run's stages, in turn."""

    stages: tuple[Stage, ...]

    def stage(self, t: int) -> Stage:
        """The stage that step t (from 0) belongs to."""
        return next(stage for stage in reversed(self.stages) if stage.start <= t)

    def seen(self, t: int) -> int:
        """Images of all steps before step t."""
        stage = self.stage(t)
        return stage.seen + (t - stage.start) * stage.batch

    def steps(self, images: float) -> int:
        """The fewest steps that see so many images."""
        stage = next(stage for stage in reversed(self.stages) if stage.seen <= images)
        return stage.start + math.ceil((images - stage.seen) / stage.batch)

    def batches(self) -> list[int]:
        """Images a step, of each stage."""
        return [stage.batch for stage in self.stages]

    def readings(self, t: int) -> dict[str, float]:
        """What to log after t steps: thousands of images; where the run grows, how far it is."""
        row = {"kimg": self.seen(t) / 1000}
        if len(self.stages) == 1:
            return row
        stage = self.stage(t)
        return row | {"res": stage.res, "alpha": stage.alpha(t)}


def fixed(res: int, batch: int) -> Growth:
    """A run that does not grow."""
    return Growth((Stage(res, 0, None, 0, batch, 0),))
