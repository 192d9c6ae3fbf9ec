"""Progressive growing (Karras et al. 2018): each resolution fades in on top of the one before.

Every stage has turns of its own, since its shapes are its own; all move the same two players. Data
are read at the last resolution and averaged down to the stage's. Samples too are of the last
resolution: those of an earlier stage are enlarged.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.config.registry import Node, resolve
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, shard
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.network import Net
from jaxgan.core.optim import Optim
from jaxgan.games.common import build
from jaxgan.games.common import growing as stages
from jaxgan.games.common.build import AT
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.regularizers import Regularizer
from jaxgan.nets import growing
from jaxgan.runtime.errors import UserError

Array = jax.Array


class Parts(NamedTuple):
    """What the turns share: the arguments of `progressive`, made real."""

    spec: Spec
    growth: Growth
    g: Net
    d: Net
    loss: Loss
    terms: dict[str, Regularizer]
    latent: int


def progressive(
    spec: Spec,
    optim: Optim,
    growth: Growth,
    *,
    g: Node,
    d: Node,
    loss: Node = "wasserstein",
    regularizers: Mapping[str, Node] | None = None,
    latent: int = 512,
    ema: float = 0.999,
) -> Game:
    """One generator against one critic, through the stages of config.growth, without labels.

    Args:
      spec: the data's shape.
      optim: makes a player's chain, which each stage starts anew.
      growth: the stages; of one alone, nets that do not grow.
      g, d: nets that take a level and a span of resolutions, as those of nets/progan.py.
      loss: one of jaxgan/losses.py.
      regularizers: of jaxgan/regularizers.py, each under a label, all played at every step.
      latent: length of z ~ N(0, I).
      ema: decay of the averaged generator that samples are drawn from.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data or each other.
    """
    terms = build.regularizers(regularizers or {})
    for label, (_, every) in terms.items():
        if every > 1:
            raise UserError(
                f"{AT}.regularizers.{label}.every={every}: a growing game plays it at every step"
            )
    parts = Parts(
        spec, growth, build.grower(g, spec, "g"), build.grower(d, spec, "d"),
        resolve(loss, "jaxgan.losses.adversarial", at=f"{AT}.loss")(),
        {label: term for label, (term, _) in terms.items()}, latent,
    )  # fmt: skip
    build.check_critic(jax.eval_shape(partial(init, parts), jax.random.key(0))[1]["d"], terms)
    return Game(
        init=partial(init, parts),
        players={"d": Player(("d",), optim("d")), "g": Player(("g",), optim("g"))},
        turns=stages.turns(parts, {"d": d_loss, "g": g_loss}),
        inputs=partial(stages.inputs, parts),
        sample=partial(sample, parts),
        critic=partial(stages.critic, parts),
        ema={"g": ema},
    )


def init(parts: Parts, key: Array) -> tuple[Nets, Nets, dict]:
    """Parameters and statistics of both nets, of all resolutions; no memory."""
    k_g, k_d = jax.random.split(key)
    at = growing.whole(parts.growth, 0)
    params_g, stats_g = parts.g.init(k_g, jnp.zeros((1, parts.latent)), None, *at)
    params_d, stats_d = parts.d.init(k_d, jnp.zeros((1, *parts.spec.shape)), None, *at)
    return {"g": params_g, "d": params_d}, {"g": stats_g, "d": stats_d}, {}


def draw(parts: Parts, stage: Stage, params: Nets, state: State, key: Array, n: int) -> Array:
    """n fakes (n, res, res, C) in training."""
    z = shard(jax.random.normal(key, (n, parts.latent)))
    at = growing.within(stage, state.step)
    return parts.g.apply(params["g"], state.stats["g"], z, None, *at, train=True)[0]


def d_loss(
    parts: Parts, stage: Stage, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """E[real(D(x))] + E[fake(D(G(z)))] and the regularisers, at the stage's resolution."""
    k_draw, k_real, k_fake, *k_terms = jax.random.split(key, 3 + len(parts.terms))
    x = growing.reals(batch["image"], stage, state.step)
    fakes = draw(parts, stage, params, state, k_draw, len(x))
    critic = partial(stages.judge, parts, stage, params, state)
    real, fake = critic(x), critic(fakes)
    value = parts.loss.real(real, k_real).mean() + parts.loss.fake(fake, k_fake).mean()
    metrics = parts.loss.readings(real, fake)
    for (label, term), k in zip(parts.terms.items(), k_terms, strict=True):
        metrics[label] = term.term(critic, params["d"], x, fakes, k)
        value += metrics[label]
    return value, Aux(metrics)


def g_loss(
    parts: Parts, stage: Stage, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """E[g(D(G(z)))], at the stage's resolution."""
    fakes = draw(parts, stage, params, state, key, len(batch["image"]))
    return parts.loss.g(stages.judge(parts, stage, params, state, fakes)).mean(), Aux()


def sample(parts: Parts, state: State, inputs: dict[str, Array], key: Array) -> Array:
    """Images of the last resolution, in [-1, 1], from the averaged generator as far as it grew."""
    del key
    at = growing.whole(parts.growth, state.step)
    images, _ = parts.g.apply(state.ema["g"], state.stats["g"], inputs["z"], None, *at, train=False)
    return jnp.clip(images, -1, 1)
