"""Averages of parameters over training: a decay per step, or a half-life in images.

A half-life serves runs whose batch changes: the decay of a step follows from the batch it takes.
"""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.runtime.errors import UserError


class HalfLife(NamedTuple):
    """Images after which a step's parameters count half in the average.

    With rampup > 0 it is at most this share of the images seen: initial weights fade sooner.
    """

    images: float
    rampup: float = 0.0


Decay = float | HalfLife


def parse(ema: float | str, rampup: float = 0.0) -> Decay:
    """Returns config.game.ema: a decay in [0, 1), or a half-life such as '10kimg'.

    Raises:
      UserError: neither, or a ramp-up that is negative or of a constant decay.
    """
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


def decay(ema: Decay, step: jax.Array, batch: int) -> jax.Array | float:
    """Computes the decay of step `step` (from 0), which takes `batch` images.

    0.5 ** (batch / half-life) (NVlabs/stylegan, training_loop.py, `Gs_beta`); ramped up as in
    stylegan2-ada-pytorch, training_loop.py, where all steps before took as many images.
    """
    if not isinstance(ema, HalfLife):
        return ema
    if not ema.rampup:
        return float(0.5 ** (batch / ema.images))
    images = jnp.minimum(ema.images, step.astype(jnp.float32) * batch * ema.rampup)
    return 0.5 ** (batch / jnp.maximum(images, 1e-8))


def forgotten(ema: Decay, batch: int) -> int:
    """Returns after how many steps the first parameters count for less than 5 % of an average."""
    if isinstance(ema, HalfLife) and ema.rampup:
        return 0  # they count for nothing from the second step on
    base = float(decay(ema, jnp.int32(0), batch))
    return math.ceil(math.log(0.05) / math.log(base)) if base else 0


def average(new: Any, old: Any, ema: Decay, step: jax.Array, batch: int) -> Any:
    """Moves the averaged parameters `old` towards `new`."""
    return optax.incremental_update(new, old, 1 - decay(ema, step, batch))
