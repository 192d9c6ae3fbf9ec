"""Averages of parameters over training: a decay per step, or a half-life in images.

A half-life serves runs whose batch changes: the decay of a step follows from the batch it takes.
Of either the first parameters are most of the average for the length of its memory: of a decay of
0.999 two thirds after 400 steps. A warm-up forgets them within a few.
"""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.config.schedules import Moving
from jaxgan.core.averages.power import Power
from jaxgan.runtime.errors import UserError

FORGOTTEN = 0.05  # the share of an average below which parameters do not show


class HalfLife(NamedTuple):
    """Images after which a step's parameters count half in the average.

    With rampup > 0 it is at most this share of the images seen: initial weights fade sooner.
    """

    images: jax.Array | float
    rampup: float = 0.0


class Moved(NamedTuple):
    """A decay that a schedule gave."""

    decay: jax.Array | float


class WarmUp(NamedTuple):
    """A decay, or half-life, that is approached from below.

    The average's t-th update (from 0) has at most the decay (1 + t) / (10 + t), as that of
    tf.train.ExponentialMovingAverage, called with `num_updates`: about the last ninth of the
    updates count.
    """

    ema: float | HalfLife | Moved


Decay = float | HalfLife | Moved | WarmUp | Power


def parse(ema: float | str | Moving, rampup: float = 0.0) -> Decay:
    """Returns config.game.ema: a decay in [0, 1), or a half-life such as '10kimg', or a schedule.

    Raises:
      UserError: neither, or a ramp-up that is negative or of a constant decay.
    """
    if isinstance(ema, Moving):
        return _moved(ema, rampup)
    if isinstance(ema, str) and re.fullmatch(r"0?\.\d+|0", ema.strip()):
        ema = float(ema)  # a flag over a preset that has a half-life is still a string
    if isinstance(ema, (int, float)) and not isinstance(ema, bool) and 0 <= ema < 1:
        if rampup:
            raise UserError(
                f"config.game.ema_rampup={rampup}: for a half-life only; write config.game.ema in "
                "kimg, or ema_rampup=0"
            )
        return float(ema)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*kimg", str(ema).strip())
    if not match or not float(match[1]):
        raise UserError(f"config.game.ema={ema!r}: a decay in [0, 1), or a half-life as '10kimg'")
    if rampup < 0:
        raise UserError(f"config.game.ema_rampup={rampup}: a share of the images seen, at least 0")
    return HalfLife(1000 * float(match[1]), rampup)


def warmed(ema: Decay) -> Decay:
    """Returns a decay that warms up; one with a ramp-up, or a power function, does already."""
    ramped = isinstance(ema, HalfLife) and ema.rampup
    return ema if isinstance(ema, WarmUp | Power) or ramped else WarmUp(ema)


def decay(
    ema: Decay, step: jax.Array, batch: int, updates: jax.Array | None = None
) -> jax.Array | float:
    """Computes the decay of step `step` (from 0), which takes `batch` images.

    0.5 ** (batch / half-life) (NVlabs/stylegan, training_loop.py, `Gs_beta`); ramped up as in
    stylegan2-ada-pytorch, training_loop.py, where all steps before took as many images. `updates`:
    how often the average was updated before, by default at each step.
    """
    if isinstance(ema, Power):
        return 1 - ema.share(step if updates is None else updates)
    if isinstance(ema, WarmUp):
        t = (step if updates is None else updates).astype(jnp.float32)
        return jnp.minimum(decay(ema.ema, step, batch), (1 + t) / (10 + t))
    if isinstance(ema, Moved):
        return ema.decay
    if not isinstance(ema, HalfLife):
        return ema
    if not ema.rampup:
        if isinstance(ema.images, jax.Array):
            return jnp.asarray(0.5 ** (batch / jnp.maximum(ema.images, 1e-8)))
        return float(0.5 ** (batch / max(ema.images, 1e-8)))
    images = jnp.minimum(ema.images, step.astype(jnp.float32) * batch * ema.rampup)
    return 0.5 ** (batch / jnp.maximum(images, 1e-8))


def forgotten(ema: Decay, batch: int, start: int = 0) -> int:
    """Returns how many updates after the `start`-th the parameters of then count for below 5 %."""
    if isinstance(ema, Power) or (isinstance(ema, HalfLife) and ema.rampup):
        return 0  # they count for nothing from the second step on
    if isinstance(ema, WarmUp):
        left, t = 1.0, start
        most = float(decay(ema.ema, jnp.int32(0), batch))
        while left >= FORGOTTEN:
            left, t = left * min(most, (1 + t) / (10 + t)), t + 1
        return t - start
    base = float(decay(ema, jnp.int32(0), batch))
    return math.ceil(math.log(FORGOTTEN) / math.log(base)) if base else 0


def average(new: Any, old: Any, ema: Decay, step: jax.Array, batch: int, every: int = 1) -> Any:
    """Moves the averaged parameters `old` towards `new`, which move on every `every`-th step."""
    if isinstance(ema, Power):
        return optax.incremental_update(new, old, ema.share(step // every))
    return optax.incremental_update(new, old, 1 - decay(ema, step, batch, step // every))


def _moved(ema: Moving, rampup: float) -> Decay:
    """Returns a scheduled decay, or half-life, which may begin with 0."""
    values = [value for _, value in ema.schedule.points]
    if ema.schedule.unit:
        return HalfLife(1000 * ema.value, rampup)
    if rampup or not all(0 <= value < 1 for value in values):
        raise UserError(
            f"config.game.ema={ema.schedule.ends}: decays in [0, 1) without config.game.ema_rampup,"
            " or half-lives as '10kimg'"
        )
    return Moved(ema.value)
