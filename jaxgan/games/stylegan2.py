"""StyleGAN2's game (Karras et al. 2020a), with adaptive augmentation (2020b).

Two players, and regularisers that are turns of their own, played lazily: path lengths of g every
few steps, R1 of d every so many. What is remembered beside nets: the mean w, the mean path length,
the augmentation's strength p and what it is steered by.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import softplus

from jaxgan.augment import ada
from jaxgan.config.registry import Node
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, Turn, shard
from jaxgan.core.network import Net, pure
from jaxgan.core.optim import Optim
from jaxgan.games.common import build
from jaxgan.losses.regularizers import r1
from jaxgan.nets import mapping as latents
from jaxgan.nets import stylegan2 as nets
from jaxgan.runtime.errors import UserError

Array = jax.Array
EMPTY: Batch = {}
ADA_EVERY = 4  # steps between two moves of p


class Parts(NamedTuple):
    """What the turns share: the arguments of `stylegan2`, made real."""

    spec: Spec
    mapping: Net
    synthesis: Net
    d: Net
    labelled: bool
    latent: int
    w_dim: int
    mixing: float
    gamma: float
    r1_every: int
    pl_weight: float
    pl_every: int
    pl_decay: float
    pl_shrink: int
    target: float
    ada_kimg: float
    psi: float


def stylegan2(
    spec: Spec,
    optim: Optim,
    *,
    g: Mapping[str, Any],
    d: Node,
    condition: str = "",
    latent: int = 512,
    mixing: float = 0.9,
    gamma: float = 10.0,
    r1_every: int = 16,
    pl_weight: float = 2.0,
    pl_every: int = 4,
    pl_decay: float = 0.01,
    pl_shrink: int = 2,
    ada_target: float = 0.0,
    ada_kimg: float = 500.0,
    ema: float = 0.999,
    psi: float = 1.0,
) -> Game:
    """Non-saturating loss, lazy R1 and path lengths, style mixing, adaptive augmentation.

    Args:
      spec: the data's shape and classes.
      optim: makes a player's chain, told how often it is regularised.
      g: stylegan2.Generator's options; its mapping and synthesis are used apart. d: the critic.
      condition: '' or 'label'.
      latent: length of z.
      mixing: probability that a batch's later layers take another w (2019, section 3.1).
      gamma, r1_every: R1's weight, and the steps between two of its turns.
      pl_weight, pl_every, pl_decay: path lengths' weight, interval, and the rate at which their
        mean follows (2020a, section 3.2); pl_shrink: on so much smaller batches.
      ada_target: mean sign of d on reals that p is steered to, 0.6 in the paper; 0 augments none.
      ada_kimg: thousand images in which p may go from 0 to 1.
      ema: decay of the averaged generator that samples are drawn from.
      psi: truncation of samples; 1 is none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data.
    """
    build.check_condition(spec, condition, False, None)
    if condition == "condition":
        raise UserError("config.game.condition=condition: this game takes '' or 'label'")
    made = build.module(g, spec, "g", {"classes": spec.classes} if condition else {})
    mapping, synthesis = nets.split(made)
    parts = Parts(
        spec, pure(mapping.clone(name=None)), pure(synthesis.clone(name=None)),
        pure(build.module(d, spec, "d", {"classes": spec.classes} if condition else {})),
        bool(condition), latent, made.w_dim, mixing, gamma, r1_every,
        pl_weight, pl_every, pl_decay, pl_shrink, ada_target, ada_kimg, psi,
    )  # fmt: skip
    return assemble(parts, optim, ema)


def assemble(parts: Parts, optim: Optim, ema: float) -> Game:
    """The game of these parts, without the turns whose weight is 0."""
    turns = [
        Turn("g", "g", partial(g_loss, parts)),
        Turn("g_pl", "g", partial(path_loss, parts), every=parts.pl_every),
        Turn("d", "d", partial(d_loss, parts)),
        Turn("d_r1", "d", partial(r1_loss, parts), every=parts.r1_every),
        Turn("ada", None, partial(ada_move, parts), every=ADA_EVERY),
    ]
    skipped = {"g_pl": not parts.pl_weight, "d_r1": not parts.gamma, "ada": not parts.target}
    return Game(
        init=partial(init, parts),
        players={
            "g": Player(
                ("mapping", "synthesis"), optim("g", lazy=parts.pl_every if parts.pl_weight else 0)
            ),
            "d": Player(("d",), optim("d", lazy=parts.r1_every if parts.gamma else 0)),
        },
        turns=tuple(turn for turn in turns if not skipped.get(turn.name)),
        inputs=partial(inputs, parts),
        sample=partial(sample, parts),
        critic=partial(critic, parts),
        ema={"mapping": ema, "synthesis": ema},
    )


def init(parts: Parts, key: Array) -> tuple[Nets, Nets, dict]:
    """All nets, and the memory: w_avg and pl_mean start at 0, p too."""
    keys = jax.random.split(key, 4)
    given = inputs(parts, keys[0], 1)
    params_m, stats_m = parts.mapping.init(keys[1], given["z"], given.get("y"))
    ws = jnp.zeros((1, latents.style_layers(parts.spec.shape), parts.w_dim))
    params_s, stats_s = parts.synthesis.init(keys[2], ws)
    params_d, stats_d = parts.d.init(keys[3], jnp.zeros((1, *parts.spec.shape)), given.get("y"))
    memory = {
        "w_avg": jnp.zeros(parts.w_dim),
        "pl_mean": jnp.zeros(()),
        "ada_p": jnp.zeros(()),
        "ada_signs": jnp.zeros(()),
    }
    params = {"mapping": params_m, "synthesis": params_s, "d": params_d}
    return params, {"mapping": stats_m, "synthesis": stats_s, "d": stats_d}, memory


def inputs(parts: Parts, key: Array, n: int, given: Batch = EMPTY) -> dict[str, Array]:
    """n latents `z` and, where the game is conditional, labels `y`, in turn unless given."""
    build.check_given(given, parts.spec, "label" if parts.labelled else "", None)
    drawn = {"z": jax.random.normal(key, (n, parts.latent))}
    if parts.labelled:
        drawn["y"] = given.get("label", jnp.arange(n) % parts.spec.classes)
    return drawn


def styles(
    parts: Parts, params: Nets, state: State, y: Array | None, n: int, key: Array
) -> tuple[Array, Array]:
    """Mixed ws (n, layers, w_dim) of n drawn latents, and the first latents' w (n, w_dim)."""

    def draw_w(key: Array) -> Array:
        z = shard(jax.random.normal(key, (n, parts.latent)))
        own = params["mapping"], state.stats["mapping"]
        return parts.mapping.apply(*own, z, y, train=True)[0]

    return latents.mixed(draw_w, parts.spec.shape, parts.mixing, key)


def draw(parts: Parts, params: Nets, state: State, ws: Array, key: Array) -> Array:
    """Images of ws in training, with random noise."""
    stats = state.stats["synthesis"]
    return parts.synthesis.apply(params["synthesis"], stats, ws, train=True, key=key)[0]


def judge(parts: Parts, params: Nets, state: State, x: Array, y: Array | None, key: Array) -> Array:
    """d's logits on images augmented with the present strength."""
    if parts.target:
        x = ada.bgc(key, x, state.memory["ada_p"])
    return parts.d.apply(params["d"], state.stats["d"], x, y, train=True)[0]


def reals(parts: Parts, batch: Batch) -> tuple[Array, Array | None]:
    """A batch's images and labels."""
    return batch["image"], batch["label"] if parts.labelled else None


def g_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E softplus(-D(G(z))); w_avg follows the first latents' w."""
    k_styles, k_draw, k_judge = jax.random.split(key, 3)
    x, y = reals(parts, batch)
    ws, w = styles(parts, params, state, y, len(x), k_styles)
    logits = judge(parts, params, state, draw(parts, params, state, ws, k_draw), y, k_judge)
    return softplus(-logits).mean(), Aux(
        memory={"w_avg": latents.average(state.memory["w_avg"], w)}
    )


def path_loss(
    parts: Parts, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """How far |J^T noise| is from its running mean, J the Jacobian of images in w (2020a, 3.2)."""
    k_styles, k_draw, k_noise = jax.random.split(key, 3)
    x, y = reals(parts, batch)
    n = max(1, len(x) // parts.pl_shrink)
    y = None if y is None else y[:n]
    ws, _ = styles(parts, params, state, y, n, k_styles)
    area = parts.spec.shape[0] * parts.spec.shape[1]
    noise = shard(jax.random.normal(k_noise, (n, *parts.spec.shape))) / area**0.5
    _, pull = jax.vjp(lambda ws: draw(parts, params, state, ws, k_draw), ws)
    lengths = jnp.sqrt(jnp.sum(pull(noise)[0] ** 2, axis=2).mean(axis=1))
    before = state.memory["pl_mean"]
    mean = before + parts.pl_decay * (lengths.mean() - before)
    penalty = jnp.mean((lengths - mean) ** 2)
    aux = Aux({"length": lengths.mean()}, memory={"pl_mean": jax.lax.stop_gradient(mean)})
    return parts.pl_every * parts.pl_weight * penalty, aux


def d_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E softplus(-D(x)) + E softplus(D(G(z)))."""
    k_styles, k_draw, k_real, k_fake = jax.random.split(key, 4)
    x, y = reals(parts, batch)
    ws, _ = styles(parts, params, state, y, len(x), k_styles)
    fake = judge(parts, params, state, draw(parts, params, state, ws, k_draw), y, k_fake)
    real = judge(parts, params, state, x, y, k_real)
    signs = state.memory["ada_signs"] + jnp.sign(real).mean() / ADA_EVERY
    metrics = {
        "real": jax.nn.sigmoid(real).mean(),
        "fake": jax.nn.sigmoid(fake).mean(),
        "signs": jnp.sign(real).mean(),
    }
    value = softplus(-real).mean() + softplus(fake).mean()
    return value, Aux(metrics, memory={"ada_signs": jax.lax.stop_gradient(signs)})


def r1_loss(
    parts: Parts, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """R1 on augmented reals: the gradient is taken at the images before augmentation."""
    x, y = reals(parts, batch)
    term = r1(gamma=parts.gamma).term
    value = term(lambda x: judge(parts, params, state, x, y, key), params["d"], x, x, key)
    return parts.r1_every * value, Aux()


def ada_move(
    parts: Parts, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """Moves p by the mean sign of d on the last steps' reals."""
    del params, key
    memory = state.memory
    p = ada.adapt(
        memory["ada_p"], memory["ada_signs"], len(batch["image"]), parts.target, parts.ada_kimg
    )
    return memory["ada_signs"], Aux({"p": p}, memory={"ada_p": p, "ada_signs": jnp.zeros(())})


def critic(parts: Parts, state: State, batch: Batch) -> Array:
    """d's logits (N,) as it stands, without augmentation."""
    x, y = reals(parts, batch)
    return parts.d.apply(state.params["d"], state.stats["d"], x, y, train=False)[0]


def sample(parts: Parts, state: State, inputs: dict[str, Array], key: Array) -> Array:
    """Images, clipped to [-1, 1], of the averaged generator with constant noise, truncated."""
    del key
    z, y = inputs["z"], inputs.get("y")
    w, _ = parts.mapping.apply(state.ema["mapping"], state.stats["mapping"], z, y, train=False)
    ws = latents.truncate(latents.spread(w, parts.spec.shape), state.memory["w_avg"], parts.psi)
    stats = state.stats["synthesis"]
    images, _ = parts.synthesis.apply(state.ema["synthesis"], stats, ws, train=False)
    return jnp.clip(images, -1, 1)
