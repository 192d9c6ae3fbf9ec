"""What style-based games share: w of the averaged generator, and truncated samples."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxgan.core.game import Drawn, State, Styles
from jaxgan.core.network import Net
from jaxgan.nets.mapping import spread, truncate


def styles(
    mapping: Net,
    synthesis: Net,
    *,
    layers: int,
    truncated: int,
    psi: float,
    at: Callable[[State], tuple[Any, ...]] = lambda state: (),
) -> Styles:
    """Builds a game's `Styles`.

    Args:
      mapping, synthesis: the generator's two nets.
      layers, truncated, psi: as in `Styles`.
      at: further arguments of the synthesis at a state: what a growing net needs.
    """

    def to_w(state: State, inputs: Drawn) -> Array:
        own = state.ema["mapping"], state.stats["mapping"]
        return mapping(*own, inputs["z"], inputs.get("y"), train=False)

    def synthesize(state: State, ws: Array) -> Array:
        own = state.ema["synthesis"], state.stats["synthesis"]
        return synthesis(*own, ws, *at(state), train=False)

    return Styles(
        map=to_w,
        synthesize=synthesize,
        mean=lambda state: state.memory["w_avg"],
        layers=layers,
        truncated=min(truncated, layers),
        psi=psi,
    )


def sample(styles: Styles, psi: float, state: State, inputs: Drawn, key: Array) -> Array:
    """Images, clipped to [-1, 1], whose w are truncated by psi; 1 leaves them as they are."""
    del key
    ws = spread(styles.map(state, inputs), styles.layers)
    ws = truncate(ws, styles.mean(state), psi, styles.truncated)
    return jnp.clip(styles.synthesize(state, ws), -1, 1)
