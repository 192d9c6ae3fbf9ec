"""StyleGAN's game (Karras et al. 2019): a style-based generator, grown like ProGAN's.

Non-saturating loss, R1 at every step, styles mixed in training, samples truncated towards the mean
w. Every stage has turns of its own; data are read at the last resolution and averaged down to the
stage's, and samples are of the last resolution: those of an earlier stage are enlarged.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.config.registry import Node
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, shard
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.network import Net, pure
from jaxgan.core.optim import Optim
from jaxgan.games.common import build
from jaxgan.games.common import growing as stages
from jaxgan.games.common.build import AT
from jaxgan.losses.regularizers import r1
from jaxgan.nets import growing
from jaxgan.nets import mapping as latents
from jaxgan.nets import stylegan as nets
from jaxgan.runtime.errors import UserError

Array = jax.Array


class Parts(NamedTuple):
    """What the turns share: the arguments of `stylegan`, made real."""

    spec: Spec
    growth: Growth
    mapping: Net
    synthesis: Net
    d: Net
    latent: int
    w_dim: int
    mixing: float
    gamma: float
    psi: float
    psi_layers: int


def stylegan(
    spec: Spec,
    optim: Optim,
    growth: Growth,
    *,
    g: Mapping[str, Any],
    d: Node,
    latent: int = 512,
    mixing: float = 0.9,
    gamma: float = 10.0,
    ema: float = 0.999,
    psi: float = 0.7,
    psi_layers: int = 8,
) -> Game:
    """Styles mixed, R1, and truncated samples, through the stages of config.growth; no labels.

    Args:
      spec: the data's shape.
      optim: makes a player's chain, which each stage starts anew.
      growth: the stages; of one alone, nets that do not grow.
      g: stylegan.Generator's options; its mapping and synthesis are used apart. d: the critic,
        progan.Discriminator.
      latent: length of z.
      mixing: probability that a batch's later layers take another w (section 3.1).
      gamma: R1's weight; 0 for none.
      ema: decay of the averaged generator that samples are drawn from.
      psi, psi_layers: truncation of samples, in so many of the first layers; psi = 1 is none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data.
    """
    made = build.module(g, spec, "g", {})
    if not isinstance(made, nets.Generator):
        raise UserError(f"{AT}.g: this game takes stylegan.Generator")
    mapping, synthesis = nets.split(made)
    parts = Parts(
        spec, growth, pure(mapping.clone(name=None)), pure(synthesis.clone(name=None)),
        build.grower(d, spec, "d"), latent, made.w_dim, mixing, gamma, psi, psi_layers,
    )  # fmt: skip
    both = ("mapping", "synthesis")
    return Game(
        init=partial(init, parts),
        players={"g": Player(both, optim("g")), "d": Player(("d",), optim("d"))},
        turns=stages.turns(parts, {"g": g_loss, "d": d_loss}),
        inputs=partial(stages.inputs, parts),
        sample=partial(sample, parts),
        critic=partial(stages.critic, parts),
        ema=dict.fromkeys(both, ema),
    )


def init(parts: Parts, key: Array) -> tuple[Nets, Nets, dict]:
    """All nets, of all resolutions, and the memory: w_avg starts at 0."""
    k_mapping, k_synthesis, k_d = jax.random.split(key, 3)
    at = growing.whole(parts.growth, 0)
    ws = latents.spread(jnp.zeros((1, parts.w_dim)), parts.spec.shape)
    made = {
        "mapping": parts.mapping.init(k_mapping, jnp.zeros((1, parts.latent))),
        "synthesis": parts.synthesis.init(k_synthesis, ws, *at),
        "d": parts.d.init(k_d, jnp.zeros((1, *parts.spec.shape)), None, *at),
    }
    params, stats = ({net: both[i] for net, both in made.items()} for i in (0, 1))
    return params, stats, {"w_avg": jnp.zeros(parts.w_dim)}


def styles(
    parts: Parts, stage: Stage, params: Nets, state: State, n: int, key: Array
) -> tuple[Array, Array]:
    """Mixed ws (n, the stage's layers, w_dim) of drawn latents, and the first latents' w."""

    def draw_w(key: Array) -> Array:
        z = shard(jax.random.normal(key, (n, parts.latent)))
        own = params["mapping"], state.stats["mapping"]
        return parts.mapping.apply(*own, z, train=True)[0]

    return latents.mixed(draw_w, (stage.res,), parts.mixing, key)


def draw(
    parts: Parts, stage: Stage, params: Nets, state: State, n: int, key: Array
) -> tuple[Array, Array]:
    """n fakes (n, res, res, C) in training, and their first latents' w."""
    k_styles, k_noise = jax.random.split(key)
    ws, w = styles(parts, stage, params, state, n, k_styles)
    own = params["synthesis"], state.stats["synthesis"]
    images, _ = parts.synthesis.apply(
        *own, ws, *growing.within(stage, state.step), train=True, key=k_noise
    )
    return images, w


def g_loss(
    parts: Parts, stage: Stage, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """E softplus(-D(G(z))); w_avg follows the first latents' w."""
    fakes, w = draw(parts, stage, params, state, len(batch["image"]), key)
    value = softplus(-stages.judge(parts, stage, params, state, fakes)).mean()
    return value, Aux(memory={"w_avg": latents.average(state.memory["w_avg"], w)})


def d_loss(
    parts: Parts, stage: Stage, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """E softplus(-D(x)) + E softplus(D(G(z))), and R1 on reals as the stage sees them."""
    k_draw, k_term = jax.random.split(key)
    x = growing.reals(batch["image"], stage, state.step)
    fakes, _ = draw(parts, stage, params, state, len(x), k_draw)
    critic = partial(stages.judge, parts, stage, params, state)
    real, fake = critic(x), critic(fakes)
    value = softplus(-real).mean() + softplus(fake).mean()
    metrics = {"real": jax.nn.sigmoid(real).mean(), "fake": jax.nn.sigmoid(fake).mean()}
    if parts.gamma:
        metrics["r1"] = r1(gamma=parts.gamma).term(critic, params["d"], x, fakes, k_term)
        value += metrics["r1"]
    return value, Aux(metrics)


def sample(parts: Parts, state: State, inputs: dict[str, Array], key: Array) -> Array:
    """Images of the last resolution, in [-1, 1], of the averaged generator as far as it grew.

    Noise is constant; styles are truncated.
    """
    del key
    w, _ = parts.mapping.apply(
        state.ema["mapping"], state.stats["mapping"], inputs["z"], train=False
    )
    ws = latents.spread(w, parts.spec.shape)
    ws = latents.truncate(ws, state.memory["w_avg"], parts.psi, parts.psi_layers)
    own = state.ema["synthesis"], state.stats["synthesis"]
    images, _ = parts.synthesis.apply(
        *own, ws, *growing.whole(parts.growth, state.step), train=False
    )
    return jnp.clip(images, -1, 1)
