"""Trains critics between two Gaussians, p_r = N(0, 1) and p_g = N(1, 1), beside the optimal one.

The optimal D is p_r / (p_r + p_g), here sigma(1/2 - x), and its value 2 JS(p_r, p_g) - 2 log 2
(Goodfellow et al. 2014, proposition 1 and theorem 1, https://arxiv.org/abs/1406.2661). Least
squares has the same optimal output (Mao et al. 2017, https://arxiv.org/abs/1611.04076, eq. 4) at
the price of half the integral of p_r p_g / (p_r + p_g). The optimal logit is log p_r / p_g, so that
its means are the KL divergences both ways, 1/2 each; and G's two losses add up to it: softplus(-l)
- softplus(l) = -l.
"""

import jax
import numpy as np
from jax import Array

from jaxgan.divergences import critics
from jaxgan.divergences.critics import Setting
from jaxgan.divergences.result import Comparison, Result
from jaxgan.losses import adversarial
from jaxgan.visual.figures import Curve, Panel

STEPS, BATCH, MARKS = 2000, 1024, 40
X = np.linspace(-8, 9, 3401)  # of integrals, by the trapezoid rule
SHOWN = (X >= -2) & (X <= 3)  # where both densities have samples to learn from
D_TOLERANCE, VALUE_TOLERANCE, KL_TOLERANCE = 0.03, 0.003, 0.03


def study(seed: int = 0) -> Result:
    """Trains a critic with the logistic loss and one with least squares, and integrates both."""
    kl, exact = 0.5, 1 / (1 + np.exp(X - 0.5))
    logistic, ls = adversarial.non_saturating(), adversarial.least_squares()
    setting = Setting(logistic, steps=STEPS, marks=MARKS)
    of_logistic, of_ls = (
        _trained(s, jax.random.key(seed)) for s in (setting, setting._replace(loss=ls))
    )
    found = np.asarray(jax.nn.sigmoid(of_logistic[-1]))
    values = [-_price(logistic, l) for l in of_logistic]
    bound, ls_bound = 2 * jensen_shannon() - 2 * np.log(2), 0.5 * integral(_real() * (1 - exact))
    both_g = logistic.g(of_logistic[-1], of_logistic[-1])
    both_g += adversarial.minimax().g(of_logistic[-1], of_logistic[-1])
    at = SHOWN
    comparisons = [
        _compared("D, logistic loss", "σ(1/2 - x)", found[at], exact[at], D_TOLERANCE),
        _compared("D, least squares", "σ(1/2 - x)", of_ls[-1][at], exact[at], D_TOLERANCE),
        _compared("value of D", "2 JS - 2 log 2", values[-1], bound, VALUE_TOLERANCE),
        _compared(
            "price of D, least squares", "∫ p_r p_g / 2(p_r + p_g)", _price(ls, of_ls[-1]),
            ls_bound, VALUE_TOLERANCE,
        ),
        _compared("KL(p_r, p_g) as the mean logit of real samples", "1/2",
                  integral(_real() * of_logistic[-1]), kl, KL_TOLERANCE),
        _compared("KL(p_g, p_r) as the sum of G's two losses", "1/2",
                  integral(_fake() * np.asarray(both_g)), kl, KL_TOLERANCE),
    ]  # fmt: skip
    steps = STEPS // MARKS * np.arange(1, MARKS + 1)
    panels = [
        Panel(
            "The optimal critic", "x", "D(x), density",
            [
                Curve("D trained, logistic loss", X[at], found[at]),
                Curve("D trained, least squares", X[at], of_ls[-1][at]),
                Curve("p_r / (p_r + p_g)", X[at], exact[at], "k:"),
                Curve("p_r", X[at], _real()[at], "0.6"),
                Curve("p_g", X[at], _fake()[at], "tan"),
            ],
        ),
        Panel(
            "Its value while it learns", "updates of D", "E log D(x) + E log(1 - D(G(z)))",
            [
                Curve("D trained", steps, np.array(values)),
                Curve("2 JS(p_r, p_g) - 2 log 2", steps, np.full(MARKS, bound), "k:"),
            ],
        ),
    ]  # fmt: skip
    return Result(panels, comparisons)


def integral(values: np.ndarray) -> float:
    """Integrates values at X."""
    return float(np.trapezoid(values, X))


def jensen_shannon() -> float:
    """Returns JS(p_r, p_g) in nats: an integral without an elementary form."""
    real, fake = _real(), _fake()
    half = np.log((real + fake) / 2)
    return 0.5 * integral(real * (np.log(real) - half) + fake * (np.log(fake) - half))


def _trained(setting: Setting, key: Array) -> np.ndarray:
    """Returns a trained critic's outputs at X, after each mark."""

    def draw(key: Array) -> tuple[Array, Array]:
        samples = jax.random.normal(key, (2, BATCH, 1))
        return samples[0], samples[1] + 1

    params = jax.jit(lambda k: critics.train(setting, draw, k))(key)
    at = X[:, None].astype(np.float32)
    return np.asarray(jax.vmap(lambda p: critics.logits(setting, p, at))(params))


def _price(loss: adversarial.Loss, logits: np.ndarray) -> float:
    """Integrates what D pays, with outputs at X."""
    real, fake = loss.d(logits, logits, jax.random.key(0))
    return integral(_real() * np.asarray(real) + _fake() * np.asarray(fake))


def _real() -> np.ndarray:
    return np.exp(-(X**2) / 2) / np.sqrt(2 * np.pi)


def _fake() -> np.ndarray:
    return np.exp(-((X - 1) ** 2) / 2) / np.sqrt(2 * np.pi)


def _compared(
    quantity: str, form: str, found: np.ndarray | float, exact: np.ndarray | float, tolerance: float
) -> Comparison:
    return Comparison(quantity, form, np.asarray(found), np.asarray(exact), tolerance)
