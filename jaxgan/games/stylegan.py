"""StyleGAN's game (Karras et al. 2019): a style-based generator, grown like ProGAN's.

R1 at every step, styles mixed in training, samples truncated towards the mean w. Every stage has
turns of its own; data are read at the last resolution and averaged down to the stage's, and samples
are of the last resolution: those of an earlier stage are enlarged.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Latent, NonNegative, Probability, Psi, Whole
from jaxgan.config.registry import Node
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.inputs import Noise
from jaxgan.core.keys import named
from jaxgan.core.network import Net, pure
from jaxgan.core.optim import Optim
from jaxgan.core.sharding import shard
from jaxgan.games.common import build
from jaxgan.games.common import growing as grown
from jaxgan.games.common import styles as styled
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.regularizers import r1
from jaxgan.nets import mapping
from jaxgan.nets import stylegan as nets
from jaxgan.nets.layers import growing
from jaxgan.runtime.errors import UserError


class Model(NamedTuple):
    """What the turns share: the arguments of `stylegan`, built; `stage` is the turn's own."""

    spec: Spec
    growth: Growth
    stage: Stage
    mapping: Net
    synthesis: Net
    d: Net
    loss: Loss
    latent: int
    w_dim: int
    mixing: float
    gamma: float


def stylegan(
    spec: Spec,
    optim: Optim,
    growth: Growth,
    *,
    g: Node,
    d: Node,
    loss: Node = "non_saturating",
    latent: Latent = 512,
    mixing: Probability = 0.9,
    gamma: NonNegative = 10.0,
    ema: float | str = 0.999,
    psi: Psi = 0.7,
    psi_layers: Whole = 8,
) -> Game:
    """Builds a game of mixed styles, R1 and truncated samples through config.growth's stages.

    Args:
      spec: the data's shape; labels are not used.
      optim: makes a player's chain, reset where a stage begins and where its fade ends.
      growth: the stages; a single one for nets that do not grow.
      g: stylegan.Generator's options; its mapping and synthesis are used apart. d: the critic,
        progan.Discriminator.
      loss: of jaxgan/losses.
      latent: length of z. gamma: R1's weight; 0 for none.
      mixing: probability that a batch's later layers take another w (section 3.1).
      ema: decay or half-life of the averaged generator that samples are drawn from, see
        averages.ema.
      psi, psi_layers: truncation of samples, in this many of the first layers; psi = 1 is none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data.
    """
    made = build.module(g, "g", spec.shape)
    if not isinstance(made, nets.Generator):
        raise UserError(f"{build.AT}.g: this game takes stylegan.Generator")
    own, exact = ([pure(net) for net in nets.split(each)] for each in (made, nets.exact(made)))
    model = Model(
        spec=spec, growth=growth, stage=growth.stages[-1], mapping=own[0], synthesis=own[1],
        d=build.growing_net(d, "d", spec.shape), loss=build.loss(loss), latent=latent,
        w_dim=made.w_dim, mixing=mixing, gamma=gamma,
    )  # fmt: skip
    styles = partial(
        styled.styles, layers=mapping.style_layers(spec.shape), truncated=psi_layers, psi=psi,
        at=lambda state: growing.for_all_stages(growth, state.step),
    )  # fmt: skip
    both = ("mapping", "synthesis")
    return Game(
        init=partial(init, model),
        players={"g": Player(both, optim("g")), "d": Player(("d",), optim("d"))},
        turns=grown.turns(
            growth, lambda stage: model._replace(stage=stage), {"g": g_loss, "d": d_loss}
        ),
        inputs={"z": Noise(latent)},
        sample=partial(styled.sample, styles(*own), psi),
        critic=partial(grown.critic, model),
        ema=dict.fromkeys(both, averages.parse(ema)),
        styles=styles(*exact),
        mixes=build.mixing(model.loss, {}),
    )


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """All nets, of all resolutions, and the memory: w_avg starts at 0."""
    k_mapping, k_synthesis, k_d = jax.random.split(key, 3)
    at = growing.for_all_stages(model.growth, 0)
    layers = mapping.style_layers(model.spec.shape)
    made = {
        "mapping": model.mapping.init(k_mapping, jnp.zeros((1, model.latent))),
        "synthesis": model.synthesis.init(k_synthesis, jnp.zeros((1, layers, model.w_dim)), *at),
        "d": model.d.init(k_d, jnp.zeros((1, *model.spec.shape)), None, *at),
    }
    params, stats = ({net: both[i] for net, both in made.items()} for i in (0, 1))
    return params, stats, {"w_avg": jnp.zeros(model.w_dim)}


def draw_ws(model: Model, params: Nets, state: State, n: int, key: Array) -> tuple[Array, Array]:
    """Draws mixed ws (n, the stage's layers, w_dim), and returns w_avg moved by the first w.

    Every pass in training moves it, g's and d's, and the w mixed in never do (NVlabs/stylegan,
    training/networks_stylegan.py, `G_style`: `dlatent_avg`).
    """

    def draw_w(key: Array) -> Array:
        z = shard(jax.random.normal(key, (n, model.latent)))
        own = params["mapping"], state.stats["mapping"]
        return model.mapping(*own, z, train=True)

    ws, w = mapping.mixed(draw_w, (model.stage.res,), model.mixing, key)
    return ws, mapping.average(state.memory["w_avg"], w)


def draw(model: Model, params: Nets, state: State, n: int, key: Array) -> tuple[Array, Array]:
    """Draws n fake images (n, res, res, C) in training, and returns w_avg after them."""
    k_styles, k_noise = jax.random.split(key)
    ws, w_avg = draw_ws(model, params, state, n, k_styles)
    own = params["synthesis"], state.stats["synthesis"]
    at = growing.for_stage(model.stage, state.step)
    return model.synthesis(*own, ws, *at, train=True, key=k_noise), w_avg


def g_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on fake images."""
    fakes, w_avg = draw(model, params, state, len(batch["image"]), named(key, "fakes"))
    value, metrics = grown.g_terms(model, params, state, batch, fakes)
    return value, Aux(metrics, memory={"w_avg": w_avg})


def d_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on real and on fake images, and R1 on real ones as the stage sees them."""
    x = growing.reals(batch["image"], model.stage, state.step)
    fakes, w_avg = draw(model, params, state, len(x), named(key, "fakes"))
    critic = partial(grown.judge, model, params, state)
    real, fake = critic(x), critic(fakes)
    on_real, on_fake = model.loss.d(real, fake, named(key, "labels"))
    value, metrics = on_real.mean() + on_fake.mean(), model.loss.readings(real, fake)
    if model.gamma:
        metrics["r1"] = r1(gamma=model.gamma).term(critic, params["d"], x, fakes, named(key, "r1"))
        value += metrics["r1"]
    return value, Aux(metrics, memory={"w_avg": w_avg})
