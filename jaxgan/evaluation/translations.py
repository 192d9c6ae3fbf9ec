"""Figures of each picture that a run translates, and the estimate of their mean."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.generation.translated import BACK, COLUMNS
from jaxgan.training.workdir import Restored

BATCH = 8  # pictures at once

Translate = Callable[[Array], Array]
Measure = Callable[[Translate, Translate, Array, Array], Mapping[str, Array]]


def measured(
    run: Restored, direction: str, columns: Mapping[str, np.ndarray], measure: Measure
) -> dict[str, np.ndarray]:
    """Computes what `measure` says of each picture.

    Args:
      run: its game and state.
      direction: a2b or b2a.
      columns: images (n, H, W, C) of both domains, uint8 or floats in [-1, 1].
      measure: (translate, translate back, x (b, H, W, C), keys (b,)) -> arrays by name, (b, ...);
        both ways take and give images in [-1, 1].

    Returns:
      By name, arrays (n, ...). A key depends on its picture's place alone.
    """
    translators, images = run.game.translators, columns[COLUMNS[direction][0]]

    @jax.jit
    def of_batch(state, x: Array, rows: Array) -> Mapping[str, Array]:
        there, back = (
            partial(lambda name, x: translators[name](state, x, jax.random.key(0)), name)
            for name in (direction, BACK[direction])
        )
        x = x.astype(jnp.float32) / 127.5 - 1 if x.dtype == jnp.uint8 else x
        keys = jax.vmap(partial(jax.random.fold_in, jax.random.key(0)))(rows)
        return measure(there, back, x, keys)

    parts = []
    for i in range(0, len(images), BATCH):
        rows = np.minimum(np.arange(i, i + BATCH), len(images) - 1)  # one shape, one program
        parts.append(jax.device_get(of_batch(run.state, images[rows], rows)))
    return {
        name: np.concatenate([part[name] for part in parts])[: len(images)] for name in parts[0]
    }


def translated(run: Restored, direction: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Translates the images of a direction's first domain: floats in [-1, 1], (n, H, W, C)."""
    found = measured(run, direction, columns, lambda there, back, x, keys: {"image": there(x)})
    return found["image"]


def estimate(values: np.ndarray, seed: int) -> Estimate:
    """Bootstraps the mean over pictures of values (n,)."""
    return uncertainty.of_items(values, lambda each: float(each.mean()), seed)


def distance(a: Array, b: Array) -> Array:
    """Computes the mean absolute difference of each pair of images (N, H, W, C): (N,)."""
    return jnp.abs(a - b).mean(axis=(1, 2, 3))
