"""Growing: which resolution trains at a step, how far it has faded in, how large its batch is.

A run is a list of stages (Karras et al. 2018, section 2). The first resolution trains alone; each
next one fades in, then trains; the last goes on for ever. All of it follows from the step, so a
resumed run needs nothing else. A run that does not grow is one stage.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.nets.layers import downsample, upsample

Array = jax.Array


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

    def alpha(self, step: Array | int) -> Array:
        """How far it has faded in at a step, traced or not: from 0 at `start` to 1, linearly."""
        if not self.fade:
            return jnp.float32(step >= self.start)
        return jnp.clip((step - self.start) / self.fade, 0.0, 1.0).astype(jnp.float32)


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
        return row | {"res": stage.res, "alpha": float(stage.alpha(t))}

    def level(self, step: Array) -> Array:
        """log2 of the resolution at a step, which may be traced: what has faded in by half is x.5.

        Of use where one graph serves all stages, as in drawing samples.
        """
        first, *later = self.stages
        return first.res.bit_length() - 1 + sum((s.alpha(step) for s in later), jnp.float32(0))


def fixed(res: int, batch: int) -> Growth:
    """A run that does not grow."""
    return Growth((Stage(res, 0, None, 0, batch, 0),))


def reals(images: Array, stage: Stage, alpha: Array) -> Array:
    """Images as a stage sees them (N, H, W, C) -> (N, res, res, C): averaged, and faded in.

    While a resolution fades in, reals are blended with what the one before shows of them, as fakes
    are: else d would tell the two apart by their sharpness (Karras et al. 2018, figure 2).
    """
    while images.shape[1] > stage.res:
        images = downsample(images)
    if not stage.fade:
        return images
    return blend(upsample(downsample(images)), images, alpha)


def blend(old: Array, new: Array, alpha: Array | float) -> Array:
    """(1 - alpha) old + alpha new: exactly one of them at 0 and at 1."""
    return (1 - alpha) * old + alpha * new
