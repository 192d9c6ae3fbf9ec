"""Adversarial losses that judge each sample alone, on the critic's raw outputs (logits).

Each is a function that returns a `Loss`; those that compare samples with each other are in
relativistic.py. Write D for the critic's logit and sigma for the logistic function; then
-log sigma(D) = softplus(-D), and -log(1 - sigma(D)) = softplus(D).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid, softplus

from jaxgan.config.kinds import Finite, NonNegative, Probability


class Loss(NamedTuple):
    """An adversarial loss: what each player pays, per sample.

    d: (real logits (N,), fake logits (N,), key) -> the critic's terms on real and on fake
      samples, (N,) each; their means are added.
    g: (real logits (N,), fake logits (M,)) -> the generator's terms, (M,). Only a `paired` loss
      may read the real logits: for others real samples do not pass through D in G's turn.
    score: logits -> what is logged as D(x): a probability where the loss has one.
    boundary: the logit between what is classified as fake and as real; None where D rates only.
    paired: whether G's terms depend on the real logits.
    mixes: whether a sample's term depends on more logits than its own and those paired with it.
    """

    d: Callable[[Array, Array, Array], tuple[Array, Array]]
    g: Callable[[Array, Array], Array]
    score: Callable[[Array], Array] = lambda l: l
    boundary: float | None = 0.0
    paired: bool = False
    mixes: bool = False

    @classmethod
    def separable(
        cls,
        *,
        real: Callable[[Array, Array], Array],
        fake: Callable[[Array, Array], Array],
        g: Callable[[Array], Array],
        score: Callable[[Array], Array] = lambda l: l,
        boundary: float | None = 0.0,
    ) -> "Loss":
        """Builds a loss from three functions of one sample's logit.

        Args:
          real, fake: (logits (N,), key) -> (N,), what the critic pays on real and fake samples.
          g: fake logits (N,) -> (N,), what the generator pays.
          score, boundary: as in `Loss`.
        """

        def d(on_real: Array, on_fake: Array, key: Array) -> tuple[Array, Array]:
            k_real, k_fake = jax.random.split(key)
            return real(on_real, k_real), fake(on_fake, k_fake)

        return cls(
            d=d,
            g=lambda _, on_fake: g(on_fake),
            score=score,
            boundary=boundary,
        )

    def readings(self, real: Array, fake: Array) -> dict[str, Array]:
        """Scores and classification accuracies of logits (N,) on real and on fake samples.

        Under a paired loss only differences of logits mean something: a real sample is classified
        right above the mean fake logit, a fake one below the mean real logit.
        """
        scores = {"real": self.score(real).mean(), "fake": self.score(fake).mean()}
        if self.boundary is None:
            return scores
        below, above = (fake.mean(), real.mean()) if self.paired else (self.boundary,) * 2
        return {
            **scores,
            "accuracy_real": jnp.mean(real > below),
            "accuracy_fake": jnp.mean(fake < above),
        }


def minimax(
    *, smooth: Probability = 0.0, noise: NonNegative = 0.0, flip: Probability = 0.0
) -> Loss:
    """Builds the minimax loss: G descends log(1 - sigma(D(G(z)))) (Goodfellow et al. 2014, eq. 1).

    It saturates where D wins; kept for study. Options as in `non_saturating`.
    """
    return non_saturating(smooth=smooth, noise=noise, flip=flip)._replace(
        g=lambda _, l: -softplus(l)
    )


def non_saturating(
    *, smooth: Probability = 0.0, noise: NonNegative = 0.0, flip: Probability = 0.0
) -> Loss:
    """Builds the loss whose G ascends log sigma(D(G(z))) (Goodfellow et al. 2014, section 3).

    Args:
      smooth: one-sided label smoothing: real samples are labeled 1 - smooth (Salimans et al. 2016,
        section 3.4).
      noise: subtracts noise * U(0, 1) from labels (Chollet 2021, section 12.5, which labels fake
        samples 1 and adds: the same computation).
      flip: probability in [0, 1] that a sample gets the other label in the critic's loss.
    """

    def cross_entropy(logits: Array, labels: Array) -> Array:
        return softplus(logits) - labels * logits

    return Loss.separable(
        real=lambda l, key: cross_entropy(l, _labels(key, l, 1 - smooth, 0.0, noise, flip)),
        fake=lambda l, key: cross_entropy(l, _labels(key, l, 0.0, 1 - smooth, noise, flip)),
        g=lambda l: softplus(-l),
        score=sigmoid,
    )


def least_squares(
    *,
    a: Finite = 0.0,
    b: Finite = 1.0,
    c: Finite = 1.0,
    smooth: Probability = 0.0,
    noise: NonNegative = 0.0,
    flip: Probability = 0.0,
) -> Loss:
    """Builds LSGAN's loss (Mao et al. 2017, eq. 2).

    D's targets are b on real samples and a on fake ones, G's is c. The default 0-1 coding is the
    paper's eq. 9; a=-1, b=1, c=0 is its eq. 8, which minimizes the Pearson chi-squared divergence.
    smooth lowers b; noise and flip as in `non_saturating`.
    """
    return Loss.separable(
        real=lambda l, key: 0.5 * (l - _labels(key, l, b - smooth, a, noise, flip)) ** 2,
        fake=lambda l, key: 0.5 * (l - _labels(key, l, a, b - smooth, noise, flip)) ** 2,
        g=lambda l: 0.5 * (l - c) ** 2,
        boundary=(a + b) / 2,
    )


def hinge() -> Loss:
    """Builds the hinge loss (Lim & Ye 2017; Miyato et al. 2018, eq. 16 and 17)."""
    return Loss.separable(
        real=lambda l, key: jnp.maximum(0.0, 1 - l),
        fake=lambda l, key: jnp.maximum(0.0, 1 + l),
        g=lambda l: -l,
    )


def wasserstein() -> Loss:
    """Builds the Wasserstein loss (Arjovsky et al. 2017, eq. 2 and 3).

    The critic estimates the earth mover's distance only while it is kept Lipschitz: by weight
    clipping, a gradient penalty, or spectral normalization. Its level means nothing, so it
    classifies nothing.
    """
    return Loss.separable(
        real=lambda l, key: -l, fake=lambda l, key: l, g=lambda l: -l, boundary=None
    )


def _labels(key: Array, like: Array, own: float, other: float, noise: float, flip: float) -> Array:
    """Labels shaped as `like`: `own`, with probability `flip` `other`, minus noise * U(0, 1)."""
    k_flip, k_noise = jax.random.split(key)
    labels = jnp.full_like(like, own)
    if flip:
        labels = jnp.where(jax.random.bernoulli(k_flip, flip, like.shape), other, labels)
    if noise:
        labels -= noise * jax.random.uniform(k_noise, like.shape, like.dtype)
    return labels
