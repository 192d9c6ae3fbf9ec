"""One generator against one discriminator or critic: most recipes are this game."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.game import Aux, Batch, Game, Nets, Player, Spec, State, Turn, shard
from jaxgan.losses import Loss
from jaxgan.net import Net, pure
from jaxgan.optim import Optim
from jaxgan.resolve import Node, resolve

Array = jax.Array


class Parts(NamedTuple):
    """What the two turns share: the nets, the loss, the latent's length, the image's shape."""

    g: Net
    d: Net
    loss: Loss
    latent: int
    shape: tuple[int, ...]


def adversarial(
    spec: Spec,
    optim: Optim,
    *,
    g: Node,
    d: Node,
    loss: Node = "non_saturating",
    latent: int = 100,
    n_critic: int = 1,
    ema: float = 0.0,
) -> Game:
    """The game of Goodfellow et al. 2014: d tells reals from fakes, g fools d.

    Args:
      spec: the data's shape.
      optim: makes a player's optax chain, told how often the player moves.
      g, d: nets under jaxgan/nets, by "file.Class".
      loss: one of jaxgan/losses.py.
      latent: length of z ~ N(0, I).
      n_critic: d moves every step, g every n_critic-th.
      ema: decay of the averaged generator that samples are drawn from; 0 keeps none.

    Raises:
      UserError: an unknown name or option, or nets that do not fit the data.
    """
    at = "config.game"
    net_g = resolve(g, "jaxgan.nets", at=f"{at}.g", given=("shape",))(shape=spec.shape)
    net_d = resolve(d, "jaxgan.nets", at=f"{at}.d", given=("shape",))(shape=spec.shape)
    objective = resolve(loss, "jaxgan.losses", at=f"{at}.loss")()
    parts = Parts(pure(net_g), pure(net_d), objective, latent, spec.shape)
    return Game(
        init=partial(init, parts),
        players={"d": Player(("d",), optim("d")), "g": Player(("g",), optim("g", every=n_critic))},
        turns=(
            Turn("d", "d", partial(d_loss, parts)),
            Turn("g", "g", partial(g_loss, parts), every=n_critic),
        ),
        inputs=lambda key, n: {"z": draw_latents(parts, key, n)},
        sample=partial(sample, parts, averaged=bool(ema)),
        ema={"g": ema} if ema else {},
    )


def init(parts: Parts, key: Array) -> tuple[Nets, Nets, dict]:
    """Parameters and statistics of both nets; no memory."""
    k_g, k_d = jax.random.split(key)
    params_g, stats_g = parts.g.init(k_g, jnp.zeros((1, parts.latent)))
    params_d, stats_d = parts.d.init(k_d, jnp.zeros((1, *parts.shape)))
    return {"g": params_g, "d": params_d}, {"g": stats_g, "d": stats_d}, {}


def draw_latents(parts: Parts, key: Array, n: int) -> Array:
    """z ~ N(0, I), (n, latent)."""
    return jax.random.normal(key, (n, parts.latent))


def d_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E[real(D(x))] + E[fake(D(G(z)))]; reals and fakes are each a batch to D, reals first."""
    k_z, k_g, k_real, k_fake, k_label_real, k_label_fake = jax.random.split(key, 6)
    x = batch["image"]
    z = shard(draw_latents(parts, k_z, len(x)))
    fakes, _ = parts.g.apply(params["g"], state.stats["g"], z, train=True, key=k_g)
    real, stats = parts.d.apply(params["d"], state.stats["d"], x, train=True, key=k_real)
    fake, stats = parts.d.apply(params["d"], stats, fakes, train=True, key=k_fake)
    value = parts.loss.real(real, k_label_real) + parts.loss.fake(fake, k_label_fake)
    scores = {"real": parts.loss.score(real).mean(), "fake": parts.loss.score(fake).mean()}
    return value.mean(), Aux(scores, stats={"d": stats})


def g_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E[g(D(G(z)))]."""
    k_z, k_g, k_d = jax.random.split(key, 3)
    z = shard(draw_latents(parts, k_z, len(batch["image"])))
    fakes, stats = parts.g.apply(params["g"], state.stats["g"], z, train=True, key=k_g)
    fake, _ = parts.d.apply(params["d"], state.stats["d"], fakes, train=True, key=k_d)
    return parts.loss.g(fake).mean(), Aux(stats={"g": stats})


def sample(
    parts: Parts, state: State, inputs: dict[str, Array], key: Array, *, averaged: bool
) -> Array:
    """Images in [-1, 1] from the averaged generator, where there is one, without train mode."""
    params = (state.ema if averaged else state.params)["g"]
    return parts.g.apply(params, state.stats["g"], inputs["z"], train=False, key=key)[0]
