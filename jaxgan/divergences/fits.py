"""Fits a Gaussian to a mixture of two by the forward and by the reverse KL divergence.

Minimizing KL(p_r, p_θ), which maximum likelihood does, matches moments: mass covers both modes and
what lies between. Minimizing KL(p_θ, p_r) keeps to one mode, which depends on the start, at log 2
nats where modes of equal mass do not overlap (Goodfellow 2016, section 3.2,
https://arxiv.org/abs/1701.00160). Expectations are Gauss-Hermite sums, both minima found by Adam.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from jaxgan.core import optim
from jaxgan.divergences.result import Comparison, Result
from jaxgan.visual.figures import Contours, Panel

MEANS = np.array([[-2.0, -1.5], [2.0, 1.5]], np.float32)
COVARIANCES = np.array([[[0.5, 0.2], [0.2, 0.4]], [[0.4, -0.15], [-0.15, 0.5]]], np.float32)
STARTS = np.array([[-0.5, 0.0], [1.5, 0.0], [-3.0, 2.0], [3.0, -1.5]], np.float32)
NODES = 40  # fewer miss a mode from a long Gaussian, whose minima are then false ones
STEPS = 800
MOMENT_TOLERANCE, MODE_TOLERANCE, KL_TOLERANCE = 2e-3, 0.02, 2e-3
Gaussian = tuple[Array, Array]  # mean (2,); Cholesky log-diagonal and corner (3,)


def study(seed: int = 0) -> Result:
    """Descends the forward KL from one start and the reverse KL from several."""
    del seed
    mean, covariance = _moments(*_fit(_forward, STARTS[:1]))
    fits = _fit(_reverse, STARTS)
    means, covariances = _moments(*fits)
    modes = np.where(means[:, :1] < 0, 0, 1)[:, 0]
    center = MEANS.mean(0)
    offsets = MEANS - center
    spread = COVARIANCES.mean(0) + (offsets[:, :, None] * offsets[:, None]).mean(0)
    kl = np.asarray(jax.vmap(_reverse)(fits))
    comparisons = [
        Comparison("mean by forward KL", "mean of p_r", mean[0], center, MOMENT_TOLERANCE),
        Comparison(
            "covariance by forward KL", "covariance of p_r", covariance[0], spread,
            MOMENT_TOLERANCE,
        ),
        Comparison(
            "mean by reverse KL", "mean of a mode", means, MEANS[modes], MODE_TOLERANCE
        ),
        Comparison(
            "covariance by reverse KL", "covariance of that mode", covariances,
            COVARIANCES[modes], MODE_TOLERANCE,
        ),
        Comparison(
            "least reverse KL", "log 2", kl, np.full(len(STARTS), np.log(2)), KL_TOLERANCE
        ),
    ]  # fmt: skip
    panels = [_panel("Forward KL matches moments", mean[0], covariance[0])]
    panels += [
        _panel(f"Reverse KL from ({x:g}, {y:g})", *fit)
        for (x, y), *fit in zip(STARTS, means, covariances, strict=True)
    ]
    return Result(panels, comparisons)


def _fit(divergence: Callable[[Gaussian], Array], starts: np.ndarray) -> Gaussian:
    """Descends from N(start, I) at each of starts (n, 2); returns n Gaussians, stacked."""
    tx = optim.adam(updates=STEPS, lr=0.05, decay="linear")

    def descend(start: Array) -> Gaussian:
        gaussian = (start, jnp.zeros(3))

        def step(state: tuple[Gaussian, optax.OptState], _: None) -> tuple[tuple, None]:
            gaussian, moments = state
            updates, moments = tx.update(jax.grad(divergence)(gaussian), moments, gaussian)
            return (optax.apply_updates(gaussian, updates), moments), None

        return jax.lax.scan(step, (gaussian, tx.init(gaussian)), None, STEPS)[0][0]

    return jax.jit(jax.vmap(descend))(jnp.asarray(starts))


def _forward(gaussian: Gaussian) -> Array:
    """Returns KL(p_r, p_θ), in nats."""
    points, weights = _nodes()
    factors = np.linalg.cholesky(COVARIANCES)
    drawn = jnp.concatenate([m + points @ f.T for m, f in zip(MEANS, factors, strict=True)])
    excess = _log_real(drawn) - _log_density(drawn, gaussian[0], _factor(gaussian))
    return jnp.tile(weights, 2) @ excess / 2


def _reverse(gaussian: Gaussian) -> Array:
    """Returns KL(p_θ, p_r), in nats."""
    points, weights = _nodes()
    drawn = gaussian[0] + points @ _factor(gaussian).T
    return weights @ (_log_density(drawn, gaussian[0], _factor(gaussian)) - _log_real(drawn))


def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Returns points (n, 2) and weights (n,) of expectations under N(0, I)."""
    x, w = np.polynomial.hermite_e.hermegauss(NODES)
    points = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    weights = np.outer(w, w).ravel() / w.sum() ** 2
    return points.astype(np.float32), weights.astype(np.float32)


def _factor(gaussian: Gaussian) -> Array:
    """Returns the lower Cholesky factor of a Gaussian's covariance."""
    a, b, c = jnp.exp(gaussian[1][0]), jnp.exp(gaussian[1][1]), gaussian[1][2]
    return jnp.array([[a, 0.0], [c, b]])


def _log_density(x: Array, mean: Array, factor: Array) -> Array:
    """Returns the log density (N,) of a Gaussian at points (N, 2)."""
    u = (x[:, 0] - mean[0]) / factor[0, 0]  # u and v are standard normal under it
    v = (x[:, 1] - mean[1] - factor[1, 0] * u) / factor[1, 1]
    return -(u**2 + v**2) / 2 - jnp.log(factor[0, 0] * factor[1, 1]) - jnp.log(2 * jnp.pi)


def _log_real(x: Array) -> Array:
    """Returns the mixture's log density (N,) at points (N, 2)."""
    factors = np.linalg.cholesky(COVARIANCES)
    each = [_log_density(x, m, jnp.asarray(f)) for m, f in zip(MEANS, factors, strict=True)]
    return jnp.logaddexp(*each) - jnp.log(2.0)


def _moments(mean: Array, factors: Array) -> tuple[np.ndarray, np.ndarray]:
    """Returns the means (n, 2) and covariances (n, 2, 2) of stacked Gaussians."""
    lower = np.asarray(jax.vmap(lambda f: _factor((f[:2], f)))(factors))
    return np.asarray(mean), lower @ lower.transpose(0, 2, 1)


def _panel(title: str, mean: np.ndarray, covariance: np.ndarray) -> Panel:
    """Draws p_r in black and a Gaussian in red."""
    line = np.linspace(-5, 5, 101, dtype=np.float32)
    x = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    fitted = _log_density(x, mean, np.linalg.cholesky(covariance))
    densities = [np.exp(np.asarray(each)).reshape(101, 101) for each in (_log_real(x), fitted)]
    contours = [
        Contours("p_r", line, densities[0], "black"),
        Contours("p_θ", line, densities[1], "red", "dashed"),
    ]
    return Panel(title, "x", "y", contours=contours)
