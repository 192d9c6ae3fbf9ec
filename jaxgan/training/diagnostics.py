"""Training diagnostics: the diversity of samples and the gradient norm of the critic."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.core import ema
from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State
from jaxgan.core.growth import Growth
from jaxgan.core.inputs import Label
from jaxgan.losses.regularizers import gradient_norms

COLLAPSED = 0.25  # of the real data's diversity; below it samples resemble each other
# Of the real data's spread within classes. Settled runs that evaluate to a spread of 0.75 or more
# read 0.74 to 1.1; on color images of 28 pixels cgan.py, and ACGAN with a batch-normalized critic
# and its class terms at full weight, read 0.6 to 0.71.
NARROW = 0.72
PATIENCE = 3  # consecutive readings before a warning, so that a passing dip gives none


def measure(
    game: Game,
    state: State,
    fake: Array,
    batch: Batch,
    key: Array,
) -> dict[str, Array]:
    """Computes scalars to log beside the losses.

    Args:
      game, state: the run so far.
      fake: n samples, (n, ...), of the labels of `batch` if the game takes any.
      batch: n real items, images as floats.
      key: draws the points between real and fake samples.

    Returns:
      diversity: `nearest` of the fake samples over that of the real ones; 1 is as diverse as the
        data, NaN where the real ones are all alike. Left out of a single sample.
      class_diversity: `within` of the fake samples over that of the real ones, of a game that
        takes labels; 1 is as varied as the data, 0 one picture of each class.
      lipschitz: the critic's largest gradient norm at points between real and fake samples, a
        lower bound on its Lipschitz constant.
    """
    real = batch[game.target]
    alpha = jax.random.uniform(key, (len(real), *[1] * (real.ndim - 1)))
    steepness = gradient_norms(
        lambda x: game.critic(state, {**batch, "image": x}), real + alpha * (fake - real)
    )
    values = {"lipschitz": steepness.max()}
    if len(fake) > 1:
        values["diversity"] = _ratio(nearest(fake), nearest(real))
        if labels(game, batch):
            alike = batch["label"][:, None] == batch["label"]
            values["class_diversity"] = _ratio(within(fake, alike), within(real, alike))
    return values


def labels(game: Game, batch: Batch) -> dict[str, Array]:
    """Returns the labels of the data for those inputs of the game that take any, by input."""
    taking = [name for name, field in game.inputs.items() if isinstance(field, Label)]
    return {name: batch["label"] for name in taking if "label" in batch}


def nearest(x: Array) -> Array:
    """Computes the mean distance from each item (n, ...) to its nearest neighbor."""
    x = x.reshape(len(x), -1)
    squares = jnp.sum((x[:, None] - x[None]) ** 2, axis=-1)
    squares += jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, 0.0)
    return jnp.sqrt(squares.min(axis=1)).mean()


def within(x: Array, alike: Array) -> Array:
    """Computes the mean distance of two different items (n, ...) that are `alike`, bool (n, n).

    Each pair counts once, so of classes the frequent ones count more; 0 where there is no pair.
    """
    x = x.reshape(len(x), -1)
    distances = jnp.sqrt(jnp.sum((x[:, None] - x[None]) ** 2, axis=-1))
    pairs = alike & ~jnp.eye(len(x), dtype=bool)
    return jnp.sum(jnp.where(pairs, distances, 0)) / jnp.maximum(jnp.sum(pairs), 1)


def _ratio(fake: Array, real: Array) -> Array:
    return jnp.where(real > 0, fake / real, jnp.nan)


def settled(game: Game, growth: Growth, steps: int) -> int:
    """Returns the step from which samples are G's own: a tenth of `steps` is over, and averages
    have forgotten the weights that the last stage started from.
    """
    last, lags = growth.stages[-1], [0]
    for net, decay in game.ema.items():
        every = core.interval(game, net)
        lags.append(every * ema.forgotten(decay, last.batch, last.start // every))
    return max(steps // 10, last.start + max(lags))


class CollapseWatch:
    """Warns once about mode collapse."""

    def __init__(self, after: int):
        """`after`: the step before which there is no warning, see `settled`."""
        self._after = after
        self._low = {"diversity": 0, "class_diversity": 0}
        self._said = False

    def __call__(self, step: int, row: Mapping[str, float]) -> str:
        """Returns the warning when it is due, else ''; `row` has readings under diagnosis/."""
        for name, bound in (("diversity", COLLAPSED), ("class_diversity", NARROW)):
            low = row.get(f"diagnosis/{name}", 1.0) < bound and step >= self._after
            self._low[name] = self._low[name] + 1 if low else 0
        name = next((name for name, low in self._low.items() if low >= PATIENCE), "")
        if self._said or not name:
            return ""
        self._said = True
        value = row[f"diagnosis/{name}"]
        if name == "diversity":
            return (
                f"warning: at step {step} the samples look alike: the mean distance to the nearest "
                f"other is {value:.2f} of the real data's. The generator may have collapsed; try a "
                "gradient penalty, spectral normalization, a lower config.optim.d.lr, or another "
                "loss"
            )
        return (
            f"warning: at step {step} the samples of a class look alike: their mean distance is "
            f"{value:.2f} of the real images'. The generator may have collapsed within classes; "
            "try a lower config.game.auxiliary.g_weight, lower rates, or a projection critic"
        )
