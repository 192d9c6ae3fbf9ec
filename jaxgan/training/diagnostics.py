"""What tells a sick game from its samples and its critic: diversity and steepness."""

import jax
import jax.numpy as jnp

from jaxgan.core.game import Batch, Game, State
from jaxgan.losses.regularizers import gradient_norms

Array = jax.Array

COLLAPSED = 0.25  # of the real data's diversity; below it samples repeat each other
PATIENCE = 3  # readings in a row before a warning, so that a passing dip is none


def measure(game: Game, state: State, fake: Array, batch: Batch, key: Array) -> dict[str, Array]:
    """Scalars to log beside the losses.

    Args:
      game, state: as trained so far.
      fake: n samples, (n, ...). batch: as many of the data, images as floats.
      key: draws the points between reals and fakes.

    Returns:
      diversity: `nearest` of the fakes over that of the reals; 1 is as diverse as the data.
      lipschitz: the critic's largest gradient norm at points between reals and fakes, a lower
        bound on its Lipschitz constant.
    """
    real = batch["image"]
    alpha = jax.random.uniform(key, (len(real), *[1] * (real.ndim - 1)))
    steepness = gradient_norms(
        lambda x: game.critic(state, {**batch, "image": x}), real + alpha * (fake - real)
    )
    return {
        "diversity": nearest(fake) / jnp.maximum(nearest(real), 1e-12),
        "lipschitz": steepness.max(),
    }


def nearest(x: Array) -> Array:
    """The mean distance from each item (n, ...) to the nearest other."""
    x = x.reshape(len(x), -1)
    squares = jnp.sum((x[:, None] - x[None]) ** 2, axis=-1)
    squares += jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, 0.0)
    return jnp.sqrt(squares.min(axis=1)).mean()


class CollapseWatch:
    """Says once, in plain words, that the samples have become alike."""

    def __init__(self, after: int):
        """`after`: the step before which nothing is said, while G still learns to draw."""
        self._after = after
        self._low = 0
        self._said = False

    def __call__(self, step: int, diversity: float) -> str:
        """The warning when it is due, else ''."""
        self._low = self._low + 1 if diversity < COLLAPSED and step >= self._after else 0
        if self._said or self._low < PATIENCE:
            return ""
        self._said = True
        return (
            f"warning: at step {step} the samples look alike: the mean distance to the nearest "
            f"other is {diversity:.2f} of the real data's. The generator may have collapsed; try a "
            "gradient penalty, spectral normalisation, a lower config.optim.d.lr, or another loss"
        )
