"""Regularizers of the critic, for any net, condition and augmentation.

A regularizer is a function (critic, params, real, fake, key) -> scalar, where
  critic: images (N, ...) -> logits (N,), at the parameters being trained;
  params: those parameters, for the one regularizer that reads weights;
  real, fake: a batch of each, (N, ...).
`per_sample` says that it differentiates each sample's own logit: then the critic must not mix
samples, as BatchNorm does.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Depth, Finite, NonNegative

Critic = Callable[[Array], Array]


class Regularizer(NamedTuple):
    """A term of the critic's loss, and whether it differentiates each sample's own logit.

    mixes: whether it compares the samples of a batch.
    """

    term: Callable[[Critic, Any, Array, Array, Array], Array]
    per_sample: bool
    mixes: bool = False


def gradient_penalty(
    *,
    weight: NonNegative = 10.0,
    target: Finite = 1.0,
    one_sided: bool = False,
    power: Literal[1, 2] = 2,
) -> Regularizer:
    """Builds weight E(|grad D(x)| - target)^2 / target^2 (Gulrajani et al. 2017, eq. 3).

    x is drawn uniformly on the line between a real and a fake sample, for each pair. one_sided
    penalizes only norms above the target; power 1 takes the distance from it instead of its square.
    Dividing by target^power is ProGAN's, and 1 at the default.
    """

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del params
        alpha = jax.random.uniform(key, (len(real), *[1] * (real.ndim - 1)), real.dtype)
        excess = gradient_norms(critic, real + alpha * (fake - real)) - target
        excess = jnp.maximum(excess, 0) if one_sided else excess
        return weight * jnp.mean(jnp.abs(excess) ** power) / abs(target) ** power

    return Regularizer(term, per_sample=True)


def dragan(
    *, weight: NonNegative = 10.0, target: Finite = 1.0, scale: NonNegative = 0.5
) -> Regularizer:
    """Builds weight E(|grad D(x + noise)| - target)^2 on real x (Kodali et al. 2017, section 2.3).

    noise = scale std(x) U(0, 1), std over the whole batch, as in the authors' code.
    """

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del params, fake
        noise = scale * jnp.std(real) * jax.random.uniform(key, real.shape, real.dtype)
        return weight * jnp.mean((gradient_norms(critic, real + noise) - target) ** 2)

    return Regularizer(term, per_sample=True, mixes=True)


def r1(*, gamma: NonNegative = 10.0) -> Regularizer:
    """Builds gamma/2 E|grad D(x)|^2 on real samples (Mescheder et al. 2018, eq. 9)."""

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del params, fake, key
        return gamma / 2 * jnp.mean(_squares(_gradients(critic, real)))

    return Regularizer(term, per_sample=True)


def r2(*, gamma: NonNegative = 10.0) -> Regularizer:
    """Builds gamma/2 E|grad D(G(z))|^2 on fake samples (Mescheder et al. 2018, eq. 10)."""

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del params, real, key
        return gamma / 2 * jnp.mean(_squares(_gradients(critic, fake)))

    return Regularizer(term, per_sample=True)


def drift(*, weight: NonNegative = 0.001) -> Regularizer:
    """Builds weight E[D(x)^2] on real samples, which keeps a Wasserstein critic near 0.

    Karras et al. 2018, appendix A.1.
    """

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del params, fake, key
        return weight * jnp.mean(critic(real) ** 2)

    return Regularizer(term, per_sample=False)


def spectral(*, weight: NonNegative = 0.1, iterations: Depth = 10) -> Regularizer:
    """Builds weight/2 sum sigma(W)^2 over all kernels (Yoshida & Miyato 2017, eq. 4).

    Not spectral normalization: it lowers the largest singular values and fixes none. sigma is
    estimated by `iterations` power iterations from a random vector; its gradient is u v^T.
    """

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del critic, real, fake
        kernels = [w for w in jax.tree.leaves(params) if w.ndim > 1]
        keys = jax.random.split(key, len(kernels))
        sigmas = [
            largest_singular_value(w, k, iterations) for w, k in zip(kernels, keys, strict=True)
        ]
        return weight / 2 * sum((s**2 for s in sigmas), jnp.zeros(()))

    return Regularizer(term, per_sample=False)


def l2(*, weight: NonNegative = 1e-4) -> Regularizer:
    """Builds weight sum W^2 over all kernels: weight decay as a term of the loss.

    It lowers all singular values, where `spectral` lowers the largest. Biases and normalization's
    scales are left as they are.
    """

    def term(critic: Critic, params: Any, real: Array, fake: Array, key: Array) -> Array:
        del critic, real, fake, key
        squares = [jnp.sum(w**2) for w in jax.tree.leaves(params) if w.ndim > 1]
        return weight * sum(squares, jnp.zeros(()))

    return Regularizer(term, per_sample=False)


def gradient_norms(critic: Critic, x: Array) -> Array:
    """Computes |grad D(x)| of each sample over all its elements, (N, ...) -> (N,)."""
    # The slope of sqrt is infinite at 0: a critic with zero gradient would turn the step to NaN.
    return jnp.sqrt(_squares(_gradients(critic, x)) + 1e-12)


def largest_singular_value(kernel: Array, key: Array, iterations: int) -> Array:
    """Estimates sigma of a kernel as (-1, C_out); u and v are constants to the gradient."""
    w = kernel.reshape(-1, kernel.shape[-1])
    u = jax.random.normal(key, (w.shape[-1],), w.dtype)
    fixed = jax.lax.stop_gradient(w)
    for _ in range(iterations):
        v = fixed @ u
        v /= jnp.linalg.norm(v) + 1e-12
        u = v @ fixed
        u /= jnp.linalg.norm(u) + 1e-12
    return v @ w @ u


def _gradients(critic: Critic, x: Array) -> Array:
    gradients: Array = jax.grad(lambda x: critic(x).sum())(x)
    return gradients


def _squares(x: Array) -> Array:
    return jnp.sum(x.reshape(len(x), math.prod(x.shape[1:])) ** 2, axis=1)
