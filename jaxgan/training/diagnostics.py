"""Training diagnostics: the diversity of samples and the gradient norm of the critic."""

import jax
import jax.numpy as jnp

from jaxgan.core.game import Batch, Game, State
from jaxgan.losses.regularizers import gradient_norms

Array = jax.Array

COLLAPSED = 0.25  # of the real data's diversity; below it samples resemble each other
PATIENCE = 3  # consecutive readings before a warning, so that a passing dip gives none


def measure(game: Game, state: State, fake: Array, batch: Batch, key: Array) -> dict[str, Array]:
    """Computes scalars to log beside the losses.

    Args:
      game, state: the run so far.
      fake: n samples, (n, ...). batch: n real ones, images as floats.
      key: draws the points between real and fake samples.

    Returns:
      diversity: `nearest` of the fake samples over that of the real ones; 1 is as diverse as the
        data.
      lipschitz: the critic's largest gradient norm at points between real and fake samples, a
        lower bound on its Lipschitz constant.
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
    """Computes the mean distance from each item (n, ...) to its nearest neighbor."""
    x = x.reshape(len(x), -1)
    squares = jnp.sum((x[:, None] - x[None]) ** 2, axis=-1)
    squares += jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, 0.0)
    return jnp.sqrt(squares.min(axis=1)).mean()


class CollapseWatch:
    """Warns once about mode collapse."""

    def __init__(self, after: int):
        """`after`: the step before which there is no warning, while G learns its first samples."""
        self._after = after
        self._low = 0
        self._said = False

    def __call__(self, step: int, diversity: float) -> str:
        """Returns the warning when it is due, else ''."""
        self._low = self._low + 1 if diversity < COLLAPSED and step >= self._after else 0
        if self._said or self._low < PATIENCE:
            return ""
        self._said = True
        return (
            f"warning: at step {step} the samples look alike: the mean distance to the nearest "
            f"other is {diversity:.2f} of the real data's. The generator may have collapsed; try a "
            "gradient penalty, spectral normalization, a lower config.optim.d.lr, or another loss"
        )
