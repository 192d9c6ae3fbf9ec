"""Training diagnostics: diversity and coverage of samples, the critic's gradient norm, warnings."""

import math
from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.core.averages import ema
from jaxgan.core.averages.moved import begins, interval
from jaxgan.core.game import Batch, Game, State
from jaxgan.core.growth import Growth
from jaxgan.core.inputs import Label
from jaxgan.losses.regularizers import gradient_norms
from jaxgan.training.records.warnings import Warned

COLLAPSED = 0.25  # of the real data's diversity; below it samples resemble each other
# Of the real data's spread within classes. Settled runs that evaluate to a spread of 0.75 or more
# read 0.74 to 1.1; on color images of 28 pixels cgan.py, and ACGAN with a batch-normalized critic
# and its class terms at full weight, read 0.6 to 0.71.
NARROW = 0.72
LOST = 0.25  # of a class's share of the data; below it the class is all but gone
FELL = 2 / 3  # of the best coverage so far: healthy runs in the plane come down to 0.8 of it
SURE = 3  # standard errors that a fall exceeds
WON = 0.99  # of real and of fake samples told apart
MANY = 50  # real items of a class, below which its share of the samples says little
NEIGHBORS = 5  # of a real item: a fake one that is nearer covers it
PATIENCE = 3  # consecutive readings before a warning, so that a passing dip gives none


def measure(
    game: Game,
    state: State,
    fake: Array,
    batch: Batch,
    key: Array,
    classes: int = 0,
) -> dict[str, Array]:
    """Computes scalars to log beside the losses.

    Args:
      game, state: the run so far.
      fake: n samples, (n, ...), of the labels of `batch` if the game takes any.
      batch: n real items, images as floats.
      key: draws the points between real and fake samples.
      classes: of the data's labels; 0 for none.

    Returns:
      diversity: `nearest` of the fake samples over that of the real ones; 1 is as diverse as the
        data, NaN where the real ones are all alike. Left out of a single sample.
      coverage: see `coverage`; of fresh real items 0.97.
      class_coverage: see `class_coverage`, where the data have labels and 50 real items a class.
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
        values["coverage"] = coverage(real, fake)
        if classes and len(fake) >= MANY * classes:
            values["class_coverage"] = class_coverage(real, batch["label"], fake, classes)
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
    squares = _squares(x, x) + jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, 0.0)
    return jnp.sqrt(squares.min(axis=1)).mean()


def coverage(real: Array, fake: Array) -> Array:
    """Computes the share of real items (n, ...) that have a fake one (m, ...) near.

    Nearer than their NEIGHBORS-th nearest real one (Naeem et al. 2020, section 3.2), in pixels or
    coordinates. Of as many fresh real items it is 1 - 2 ** -NEIGHBORS, 0.97.
    """
    x, y = (each.reshape(len(each), -1) for each in (real, fake))
    own = _squares(x, x) + jnp.where(jnp.eye(len(x), dtype=bool), jnp.inf, 0.0)
    radius = jnp.sort(own, axis=1)[:, min(NEIGHBORS, len(x) - 1) - 1]
    return jnp.mean(_squares(x, y).min(axis=1) <= radius)


def class_coverage(real: Array, label: Array, fake: Array, classes: int) -> Array:
    """Computes the least share that a class has among fake items over its share of real ones.

    A fake item is of the class of the nearest real one. Of as many fresh real items it is near 1,
    and at most 1; 0 where a class is lost. Classes without real items do not count.
    """
    x, y = (each.reshape(len(each), -1) for each in (real, fake))
    shown = label[_squares(y, x).argmin(axis=1)]
    of_real, of_fake = (jnp.bincount(each, length=classes) / len(each) for each in (label, shown))
    return jnp.where(of_real > 0, of_fake / of_real, jnp.inf).min()


def _squares(x: Array, y: Array) -> Array:
    """Computes the squared distances (n, m) of rows (n, d) and (m, d)."""
    return jnp.sum((x[:, None] - y[None]) ** 2, axis=-1)


def within(x: Array, alike: Array) -> Array:
    """Computes the mean distance of two different items (n, ...) that are `alike`, bool (n, n).

    Each pair counts once, so of classes the frequent ones count more; 0 where there is no pair.
    """
    x = x.reshape(len(x), -1)
    distances = jnp.sqrt(_squares(x, x))
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
        every = interval(game, net)
        before = max(0, last.start - begins(game, net)) // every
        lags.append(every * ema.forgotten(decay, last.batch, before))
    return max(steps // 10, last.start + max(lags))


class Watch:
    """Warns of mode collapse, and of a critic that has won: once of each kind.

    A warning needs PATIENCE readings in a row. Those of the samples must last for a tenth of the
    run, and none be the best so far: a run that rises has not collapsed, however low it stands.
    """

    def __init__(self, after: int, steps: int, items: int):
        """Starts before the first reading.

        Args:
          after: the step before which samples are not judged, see `settled`.
          steps: the run's length; the critic too is judged after a tenth of it.
          items: how many real items, and samples, a reading compares.
        """
        self._after, self._tenth, self._items = after, steps // 10, items
        self._best: dict[str, float] = {}
        self._low: dict[str, tuple[int, int]] = {}  # low readings in a row: first step, count

    def __call__(self, step: int, row: Mapping[str, float]) -> list[Warned]:
        """Returns the warnings that a row of metrics completes; `row` need not have all readings.

        To be called with each row in order: a resumed run repeats those before it.
        """
        found = [self._of_samples(step, name, row) for name in _SAID]
        return [warned for warned in (*found, self._of_critic(step, row)) if warned]

    def _of_samples(self, step: int, name: str, row: Mapping[str, float]) -> Warned | None:
        value = row.get(f"diagnosis/{name}", math.nan)
        if math.isnan(value):
            return None
        best = self._best.get(name, -math.inf)
        low = step >= self._after and value <= best and self._is_low(name, value, best)
        self._best[name] = max(best, value)
        text = _SAID[name].format(step=step, value=value, best=best)
        lasted = self._lasts(name, step, low, self._tenth)
        return Warned(step, name, value, text) if lasted else None

    def _is_low(self, name: str, value: float, best: float) -> bool:
        if name == "coverage":
            error = math.sqrt(2 * best * (1 - best) / self._items)
            return value < min(FELL * best, best - SURE * error)
        return value < _BOUNDS[name]

    def _of_critic(self, step: int, row: Mapping[str, float]) -> Warned | None:
        ends = ("accuracy_real", "accuracy_fake")
        critics = {key.rpartition("/")[0] for key in row if key.rpartition("/")[2] in ends}
        if not critics:
            return None
        told = {d: min(row.get(f"{d}/{end}", 0.0) for end in ends) for d in critics}
        critic = max(told, key=lambda d: (told[d], d))
        won = step >= self._tenth and told[critic] > WON
        text = (
            f"at step {step} the critic {critic} has won: it tells {told[critic]:.1%} of "
            "real and of fake samples apart, and the generator may learn nothing from it. Try "
            "config.game.n_critic=1, a lower config.optim.d.lr, or a gradient penalty"
        )
        lasted = self._lasts("critic", step, won, 0)
        return Warned(step, "critic", float(told[critic]), text) if lasted else None

    def _lasts(self, name: str, step: int, low: bool, steps: int) -> bool:
        """Returns whether PATIENCE readings in a row are low, and for as many steps."""
        if not low:
            self._low.pop(name, None)
            return False
        first, count = self._low.get(name, (step, 0))
        self._low[name] = first, count + 1
        return count + 1 >= PATIENCE and step - first >= steps


_BOUNDS = {"diversity": COLLAPSED, "class_coverage": LOST, "class_diversity": NARROW}
_SAID = {
    "diversity": "at step {step} the samples look alike: the mean distance to the nearest other is "
    "{value:.2f} of the real data's. The generator may have collapsed; try a gradient penalty, "
    "spectral normalization, a lower config.optim.d.lr, or another loss",
    "coverage": "at step {step} the samples cover less of the data than before: {value:.2f} of the "
    "real items have one near, {best:.2f} at best. The generator may have lost a part of them; try "
    "a gradient penalty or lower rates, or draw from an earlier checkpoint, by --step",
    "class_coverage": "at step {step} the samples lack a class of the data: they have {value:.2f} "
    "of its share. The generator may have lost a mode; try a gradient penalty, lower rates, or "
    "another loss",
    "class_diversity": "at step {step} the samples of a class look alike: their mean distance is "
    "{value:.2f} of the real images'. The generator may have collapsed within classes; try a lower "
    "config.game.auxiliary.g_weight, lower rates, or a projection critic",
}
