"""What a discriminator predicts besides real or fake: ACGAN's class, InfoGAN's code.

Its second output, the heads (N, K), is scored here. Each function below is one recipe.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from jaxgan.config.kinds import Classes, NonNegative, WidthOrNone

Metrics = dict[str, Array]


class Auxiliary(NamedTuple):
    """Terms added to both players' losses.

    heads: number of classes -> K.
    code: (key, n, labels or None) -> (n, D), g's condition; None where that is the data's label.
    d: (heads on real images, heads on fake images, real labels, fake images' condition) -> scalar,
      metrics.
    g: (heads on fake images, their condition) -> scalar.
    categories: of the code, where there is one.
    """

    heads: Callable[[int], int]
    code: Callable[[Array, int, Array | None], Array] | None
    d: Callable[[Array, Array, Array | None, Array], tuple[Array, Metrics]]
    g: Callable[[Array, Array], Array]
    categories: Classes = 0


def acgan(
    *, d_weight: NonNegative = 1.0, g_weight: NonNegative = 1.0, learn_fakes: bool = True
) -> Auxiliary:
    """Builds ACGAN's: both players minimize the class cross-entropy (Odena et al. 2017, eq. 3).

    D's is taken on real and on fake images, G's on fake ones; heads are logits. WGAN-GP's CIFAR
    recipe takes g_weight 0.1. With `learn_fakes` False D's is taken on real images alone: a head
    that also learns from fakes may stop predicting their class while G still ignores its label,
    and then gives G no gradient towards it.
    """

    def cross_entropy(logits: Array, labels: Array | None) -> Array:
        mean: Array = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
        return mean

    def d(real: Array, fake: Array, labels: Array | None, given: Array) -> tuple[Array, Metrics]:
        on_real, on_fake = cross_entropy(real, labels), cross_entropy(fake, given)
        metrics = {
            "class_real": on_real,
            "class_fake": on_fake,
            "class_accuracy_real": jnp.mean(real.argmax(1) == labels),
            "class_accuracy_fake": jnp.mean(fake.argmax(1) == given),
        }
        return d_weight * (on_real + on_fake if learn_fakes else on_real), metrics

    def g(fake: Array, given: Array) -> Array:
        return g_weight * cross_entropy(fake, given)

    return Auxiliary(heads=lambda classes: classes, code=None, d=d, g=g)


def infogan(
    *,
    categories: Classes = 10,
    continuous: WidthOrNone = 2,
    weight: NonNegative = 1.0,
    continuous_weight: NonNegative = 1.0,
) -> Auxiliary:
    """Builds InfoGAN's: G's code must be predicted from its image (Chen et al. 2016, eq. 6).

    The code is a one-hot category and uniform(-1, 1) numbers. Heads are the category's logits and
    the numbers' means, Gaussian with sigma 1. Both players ascend the lower bound L_I = E log
    Q(c | x) + H(c) on the mutual information, on fake images only; it is logged in nats.
    """
    entropy = math.log(categories) + continuous * math.log(2.0)

    def code(key: Array, n: int, labels: Array | None) -> Array:
        k_category, k_numbers = jax.random.split(key)
        if labels is None:
            labels = jax.random.randint(k_category, (n,), 0, categories)
        numbers = jax.random.uniform(k_numbers, (n, continuous), minval=-1.0)
        return jnp.concatenate([jax.nn.one_hot(labels, categories), numbers], axis=1)

    def log_likelihoods(heads: Array, given: Array) -> tuple[Array, Array]:
        category = -optax.softmax_cross_entropy(heads[:, :categories], given[:, :categories])
        error = heads[:, categories:] - given[:, categories:]
        numbers = jnp.sum(-0.5 * error**2 - 0.5 * math.log(2 * math.pi), axis=1)
        return category.mean(), numbers.mean()

    def objective(heads: Array, given: Array) -> Array:
        category, numbers = log_likelihoods(heads, given)
        return -weight * category - continuous_weight * numbers

    def d(real: Array, fake: Array, labels: Array | None, given: Array) -> tuple[Array, Metrics]:
        del real, labels
        category, numbers = log_likelihoods(fake, given)
        information = category + numbers + entropy
        return objective(fake, given), {"information_nats": information}

    heads = categories + continuous
    return Auxiliary(lambda classes: heads, code, d, objective, categories)
