"""Estimates JS and W1 between two parallel segments with critics, beside the exact values.

p_r is uniform on {0} x [0, 1] and p_g on {t} x [0, 1]. Wherever t is not 0 their supports are
disjoint: KL is infinite, JS is log 2 and W1 is |t| (Arjovsky et al. 2017, example 1,
https://arxiv.org/abs/1701.07875). So G's gradient in t is 0 through an optimal D, and sign(t)
through an optimal Wasserstein critic.

A gradient penalty of weight λ bounds no slope: a critic of slope s along x gains s |t| and pays
λ (s - 1)^2, so that its best is s = 1 + |t| / 2λ. W1 is overestimated by t^2 / 2λ, and its
gradient by |t| / 2λ, which the tolerances beside |t| and sign(t) allow for.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxgan.divergences import critics
from jaxgan.divergences.critics import Setting
from jaxgan.divergences.result import Comparison, Result
from jaxgan.losses import adversarial, regularizers
from jaxgan.visual.figures import Curve, Panel

T = np.linspace(-1, 1, 17)
APART = T != 0
SHOWN = (0.125, 0.25, 0.5, 1.0)  # of which KL's estimate is drawn
STEPS, MARKS, BATCH = 1500, 10, 128
HEIGHTS = (np.arange(200) + 0.5) / 200  # of the points at which means are taken
WEIGHT = 10.0  # of the gradient penalty: WGAN-GP's
TOLERANCE, BIASED = 0.02, 0.1


class Estimates(NamedTuple):
    """Of each t: `price`, what D pays, `kl`, its mean output on real samples, after each mark.

    (len(T), marks) each; `pull` is G's gradient in t at the end, (len(T),).
    """

    price: np.ndarray
    kl: np.ndarray
    pull: np.ndarray


def study(seed: int = 0) -> Result:
    """Trains a logistic and a Wasserstein critic at each t."""
    key = jax.random.key(seed)
    logistic = Setting(adversarial.non_saturating(), dims=2, steps=STEPS, marks=MARKS)
    penalty = regularizers.gradient_penalty(weight=WEIGHT)
    critic = logistic._replace(
        loss=adversarial.wasserstein(), regularizer=penalty, activation="leaky_relu"
    )
    by_d = _estimate(logistic, adversarial.minimax(), key)
    by_critic = _estimate(critic, adversarial.wasserstein(), key)
    js, w1 = np.log(2) - by_d.price[:, -1] / 2, -by_critic.price[:, -1]
    bias, sides = T**2 / 2 / WEIGHT, T[APART]
    comparisons = [
        Comparison("JS by D", "log 2, and 0 at t = 0", js, np.log(2) * APART, TOLERANCE),
        Comparison("W1 by WGAN-GP's critic", "|t|", w1, np.abs(T), BIASED),
        Comparison("W1 by WGAN-GP's critic", "|t| + t^2 / 2λ", w1, np.abs(T) + bias, TOLERANCE),
        Comparison(
            "KL by D at t = 0", "0 (elsewhere infinite)", by_d.kl[~APART, -1], np.zeros(1),
            TOLERANCE,
        ),
        Comparison(
            "d loss / dt, minimax, t not 0", "0", by_d.pull[APART], 0 * sides, TOLERANCE
        ),
        Comparison(
            "d loss / dt, WGAN-GP, t not 0", "sign(t)", by_critic.pull[APART], np.sign(sides),
            BIASED,
        ),
    ]  # fmt: skip
    return Result(_panels(js, w1, by_d, by_critic), comparisons)


def _panels(js: np.ndarray, w1: np.ndarray, by_d: Estimates, by_critic: Estimates) -> list[Panel]:
    """Draws estimates as marks and exact values as lines, which break at t = 0."""
    line = np.linspace(-1, 1, 401)
    side = np.where(line == 0, np.nan, np.sign(line))
    values = [
        Curve("JS by D", T, js, "o"),
        Curve("log 2, and 0 at t = 0", line, np.log(2) * side**2, "k:"),
        Curve("W1 by WGAN-GP's critic", T, w1, "s"),
        Curve("|t|", line, np.abs(line), "k--"),
        Curve(f"|t| + t^2 / 2λ, λ = {WEIGHT:g}", line, np.abs(line) + line**2 / 2 / WEIGHT, "0.6"),
    ]
    pulls = [
        Curve("minimax loss, D trained", T[APART], by_d.pull[APART], "o"),
        Curve("0", line, 0 * side, "k:"),
        Curve("Wasserstein loss, WGAN-GP's critic", T[APART], by_critic.pull[APART], "s"),
        Curve("sign(t)", line, side, "k--"),
    ]
    steps = STEPS // MARKS * np.arange(1, MARKS + 1)
    far = [int(np.flatnonzero(t == T)[0]) for t in SHOWN]
    growing = [Curve(f"t = {T[i]:g}", steps, by_d.kl[i]) for i in far]
    growing.append(Curve("t = 0, where KL is 0", steps, by_d.kl[~APART][0], "k:"))
    return [
        Panel("Distance of the segments", "t", "JS, nats; W1", values),
        Panel("What pulls G's segment", "t", "d loss / dt", pulls, y_range=(-1.2, 2)),
        Panel("KL as D estimates it", "updates of D", "mean logit of real samples", growing),
    ]


def _estimate(setting: Setting, of_g: adversarial.Loss, key: Array) -> Estimates:
    """Trains a critic at each t, all side by side, and takes means over both segments."""

    def at(t: Array) -> tuple[Array, Array, Array]:
        params = critics.train(setting, partial(_draw, t), key)
        ys = jnp.asarray(HEIGHTS, jnp.float32)

        def price(params: critics.PyTree) -> tuple[Array, Array]:
            real, fake = (critics.logits(setting, params, _points(x, ys)) for x in (0.0, t))
            on_real, on_fake = setting.loss.d(real, fake, key)
            return on_real.mean() + on_fake.mean(), real.mean()

        def of_t(t: Array) -> Array:
            fake = critics.logits(setting, critics.last(params), _points(t, ys))
            return of_g.g(fake, fake).mean()

        return *jax.vmap(price)(params), jax.grad(of_t)(t)

    found = jax.jit(jax.vmap(at))(jnp.asarray(T, jnp.float32))
    return Estimates(*map(np.asarray, found))


def _draw(t: Array, key: Array) -> tuple[Array, Array]:
    """Draws a batch of each segment, (BATCH, 2)."""
    ys = jax.random.uniform(key, (2, BATCH))
    return _points(0.0, ys[0]), _points(t, ys[1])


def _points(x: Array | float, ys: Array) -> Array:
    """Returns points (N, 2) of abscissa x and ordinates ys (N,)."""
    return jnp.stack([jnp.broadcast_to(x, ys.shape), ys], axis=1)
