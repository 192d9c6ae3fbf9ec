"""Progressive growing (Karras et al. 2018): each resolution fades in on top of the previous one.

Every stage has turns of its own, since its shapes are its own; all move the same two players. Data
are read at the last resolution and averaged down to the stage's. Samples too are of the last
resolution: those of an earlier stage are enlarged.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Latent
from jaxgan.config.registry import Node
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Drawn, Game, Nets, Player, Spec, State
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.inputs import Noise
from jaxgan.core.keys import named
from jaxgan.core.network import Net
from jaxgan.core.optim import Optim
from jaxgan.core.sharding import shard
from jaxgan.games.common import build
from jaxgan.games.common import growing as grown
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.regularizers import Regularizer
from jaxgan.nets.layers import growing
from jaxgan.runtime.errors import UserError


class Model(NamedTuple):
    """What the turns share: the arguments of `progressive`, built; `stage` is the turn's own."""

    spec: Spec
    growth: Growth
    stage: Stage
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
    latent: Latent = 512,
    ema: float | str = 0.999,
) -> Game:
    """Builds a game of one generator and one critic through the stages of config.growth.

    Args:
      spec: the data's shape; labels are not used.
      optim: makes a player's chain, reset where a stage begins and where its fade ends.
      growth: the stages; a single one for nets that do not grow.
      g, d: nets that take a level and a pair of resolutions, as those of nets/progan.py.
      loss: of jaxgan/losses.
      regularizers: of jaxgan/losses, each under a label, all played at every step.
      latent: length of z ~ N(0, I).
      ema: decay or half-life of the averaged generator that samples are drawn from, see
        averages.ema.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data or each other.
    """
    terms = build.regularizers(regularizers or {})
    for label, (_, every) in terms.items():
        if every > 1:
            raise UserError(
                f"{build.AT}.regularizers.{label}.every={every}: a growing game plays it at every "
                "step"
            )
    model = Model(
        spec=spec, growth=growth, stage=growth.stages[-1],
        g=build.growing_net(g, "g", spec.shape), d=build.growing_net(d, "d", spec.shape),
        loss=build.loss(loss), terms={label: term for label, (term, _) in terms.items()},
        latent=latent,
    )  # fmt: skip
    build.check_critic(jax.eval_shape(partial(init, model), jax.random.key(0))[1]["d"], terms)
    return Game(
        init=partial(init, model),
        players={"d": Player(("d",), optim("d")), "g": Player(("g",), optim("g"))},
        turns=grown.turns(
            growth, lambda stage: model._replace(stage=stage), {"d": d_loss, "g": g_loss}
        ),
        inputs={"z": Noise(latent)},
        sample=partial(sample, model),
        critic=partial(grown.critic, model),
        ema={"g": averages.parse(ema)},
        mixes=build.mixing(model.loss, terms),
    )


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """Parameters and statistics of both nets, of all resolutions; no memory."""
    k_g, k_d = jax.random.split(key)
    at = growing.for_all_stages(model.growth, 0)
    params_g, stats_g = model.g.init(k_g, jnp.zeros((1, model.latent)), None, *at)
    params_d, stats_d = model.d.init(k_d, jnp.zeros((1, *model.spec.shape)), None, *at)
    return {"g": params_g, "d": params_d}, {"g": stats_g, "d": stats_d}, {}


def draw(model: Model, params: Nets, state: State, n: int, key: Array) -> Array:
    """Draws n fake images (n, res, res, C) of the model's stage in training."""
    z = shard(jax.random.normal(key, (n, model.latent)))
    at = growing.for_stage(model.stage, state.step)
    return model.g(params["g"], state.stats["g"], z, None, *at, train=True)


def d_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on real and on fake images and the regularizers, at the stage."""
    x = growing.reals(batch["image"], model.stage, state.step)
    fakes = draw(model, params, state, len(x), named(key, "fakes"))
    critic = partial(grown.judge, model, params, state)
    real, fake = critic(x), critic(fakes)
    on_real, on_fake = model.loss.d(real, fake, named(key, "labels"))
    value = on_real.mean() + on_fake.mean()
    metrics = model.loss.readings(real, fake)
    k_terms = named(key, "terms")
    for label, term in model.terms.items():
        metrics[label] = term.term(critic, params["d"], x, fakes, named(k_terms, label))
        value += metrics[label]
    return value, Aux(metrics)


def g_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on fake images, at the stage's resolution."""
    fakes = draw(model, params, state, len(batch["image"]), named(key, "fakes"))
    value, metrics = grown.g_terms(model, params, state, batch, fakes)
    return value, Aux(metrics)


def sample(model: Model, state: State, inputs: Drawn, key: Array) -> Array:
    """Images of the last resolution, in [-1, 1], from the averaged generator as far as it grew."""
    del key
    at = growing.for_all_stages(model.growth, state.step)
    own = state.ema["g"], state.stats["g"]
    images = model.g(*own, inputs["z"], None, *at, train=False)
    return jnp.clip(images, -1, 1)
