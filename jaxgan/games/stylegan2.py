"""StyleGAN2's game (Karras et al. 2020a), with adaptive augmentation (2020b).

Two players, and lazy regularizers that are turns of their own: path lengths of g every few steps,
R1 of d every so many. Memory beside the nets: the mean w, the mean path length, the augmentation's
strength p, and the mean sign of d's logits that steers it.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.augment import ada
from jaxgan.config.kinds import Latent, NonNegative, Positive, Probability, Psi, Scale, Whole
from jaxgan.config.registry import Node
from jaxgan.core import inputs as declared
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, Styles, Turn
from jaxgan.core.inputs import Inputs, Noise
from jaxgan.core.keys import named
from jaxgan.core.network import Net, pure
from jaxgan.core.optim import Optim
from jaxgan.core.sharding import shard
from jaxgan.games.common import build, conditions
from jaxgan.games.common import styles as styled
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.regularizers import r1
from jaxgan.nets import mapping
from jaxgan.nets import stylegan2 as nets
from jaxgan.runtime.errors import UserError

ADA_EVERY = 4  # steps between two moves of p


class Model(NamedTuple):
    """What the turns share: the arguments of `stylegan2`, built."""

    spec: Spec
    mapping: Net
    synthesis: Net
    d: Net
    loss: Loss
    condition: str
    inputs: Inputs
    latent: int
    w_dim: int
    mixing: float
    gamma: float
    r1_every: int
    pl_weight: float
    pl_every: int
    pl_decay: float
    pl_shrink: int
    ada_target: float
    ada_kimg: float
    psi: float
    styles: tuple[Styles, Styles]  # in the nets' own types, for samples; in float32


def stylegan2(
    spec: Spec,
    optim: Optim,
    *,
    g: Node,
    d: Node,
    loss: Node = "non_saturating",
    condition: str = "",
    latent: Latent = 512,
    mixing: Probability = 0.9,
    gamma: NonNegative = 10.0,
    r1_every: Whole = 16,
    pl_weight: NonNegative = 2.0,
    pl_every: Whole = 4,
    pl_decay: Probability = 0.01,
    pl_shrink: Positive = 2,
    ada_target: Probability = 0.0,
    ada_kimg: Scale = 500.0,
    ema: float | str = 0.999,
    ema_rampup: NonNegative = 0.0,
    psi: Psi = 1.0,
) -> Game:
    """Builds a game of lazy R1 and path lengths, style mixing, and adaptive augmentation.

    Args:
      spec: the data's shape and classes.
      optim: makes a player's chain, given how often it is regularized.
      g: stylegan2.Generator's options; its mapping and synthesis are used apart. d: the critic.
      loss: of jaxgan/losses. condition: '' or 'label'. latent: length of z.
      mixing: probability that a batch's later layers take another w (2019, section 3.1).
      gamma, r1_every: R1's weight, and the steps between two of its turns.
      pl_weight, pl_every, pl_decay: path lengths' weight, interval, and the rate at which their
        mean follows (2020a, section 3.2); pl_shrink: divides the batch they are taken on.
      ada_target: mean sign of d on real images that p is steered to, 0.6 in the paper; 0 for none.
      ada_kimg: thousand images in which p may go from 0 to 1.
      ema, ema_rampup: of the averaged generator, see averages.ema. psi: of samples, 1 for none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data.
    """
    conditions.check(spec, condition, False, None)
    if condition == "condition":
        raise UserError("config.game.condition=condition: this game takes '' or 'label'")
    classes = {"classes": spec.classes} if condition else {}
    made = build.module(g, "g", spec.shape, **classes)
    if not isinstance(made, nets.Generator):
        raise UserError(f"{build.AT}.g: this game takes stylegan2.Generator")
    own, exact = ([pure(net) for net in nets.split(each)] for each in (made, nets.exact(made)))
    layers = mapping.style_layers(spec.shape)
    styles = partial(styled.styles, layers=layers, truncated=layers, psi=psi)
    model = Model(
        spec=spec, mapping=own[0], synthesis=own[1],
        d=pure(build.module(d, "d", spec.shape, **classes)), loss=build.loss(loss),
        condition=condition,
        inputs={"z": Noise(latent), **conditions.inputs(spec, condition, None)}, latent=latent,
        w_dim=made.w_dim, mixing=mixing, gamma=gamma, r1_every=r1_every, pl_weight=pl_weight,
        pl_every=pl_every, pl_decay=pl_decay, pl_shrink=pl_shrink, ada_target=ada_target,
        ada_kimg=ada_kimg, psi=psi, styles=(styles(*own), styles(*exact)),
    )  # fmt: skip
    return assemble(model, optim, averages.parse(ema, ema_rampup))


def assemble(model: Model, optim: Optim, ema: averages.Decay) -> Game:
    """Builds the game of a model, without the turns whose weight or interval is 0.

    Adam is corrected by both intervals whatever the weights, as in the authors' loop.
    """
    for name, every in (("r1_every", model.r1_every), ("pl_every", model.pl_every)):
        if every < 0:
            raise UserError(f"{build.AT}.{name}={every}: a number of steps, or 0 for none")
    lazy_g, idle_g = _split(model.pl_every, model.pl_weight)
    lazy_d, idle_d = _split(model.r1_every, model.gamma)
    turns = [
        Turn("g", "g", partial(g_loss, model)),
        Turn("g_pl", "g", partial(path_loss, model), every=model.pl_every),
        Turn("d", "d", partial(d_loss, model)),
        Turn("d_r1", "d", partial(r1_loss, model), every=model.r1_every),
        Turn("ada", None, partial(ada_move, model), every=ADA_EVERY),
    ]
    skipped = {"g_pl": not lazy_g, "d_r1": not lazy_d, "ada": not model.ada_target}
    both = ("mapping", "synthesis")
    return Game(
        init=partial(init, model),
        players={
            "g": Player(both, optim("g", lazy=lazy_g, idle=idle_g)),
            "d": Player(("d",), optim("d", lazy=lazy_d, idle=idle_d)),
        },
        turns=tuple(turn for turn in turns if not skipped.get(turn.name)),
        inputs=model.inputs,
        sample=partial(styled.sample, model.styles[0], model.psi),
        critic=partial(critic, model),
        ema=dict.fromkeys(both, ema),
        styles=model.styles[1],
        # A slice's path lengths are compared with a mean that it has moved itself, by pl_decay.
        mixes=(*build.mixing(model.loss, {}), *(["path lengths' mean"] if lazy_g else [])),
    )


def _split(every: int, weight: float) -> tuple[list[int], list[int]]:
    """Returns a regularizer's interval among those that move its player, or among idle ones."""
    own = [every] if every else []
    return (own, []) if weight else ([], own)


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """All nets, and the memory, which starts at 0: w_avg, pl_mean, and p and its signs."""
    keys = jax.random.split(key, 4)
    drawn = declared.draw(model.inputs, keys[0], 1)
    ws = jnp.zeros((1, mapping.style_layers(model.spec.shape), model.w_dim))
    made = {
        "mapping": model.mapping.init(keys[1], drawn["z"], drawn.get("y")),
        "synthesis": model.synthesis.init(keys[2], ws),
        "d": model.d.init(keys[3], jnp.zeros((1, *model.spec.shape)), drawn.get("y")),
    }
    params, stats = ({net: both[i] for net, both in made.items()} for i in (0, 1))
    memory = {name: jnp.zeros(()) for name in ("pl_mean", "ada_p", "ada_signs")}
    return params, stats, memory | {"w_avg": jnp.zeros(model.w_dim)}


def draw_ws(
    model: Model, params: Nets, state: State, y: Array | None, n: int, key: Array
) -> tuple[Array, Array]:
    """Draws mixed ws (n, layers, w_dim), and returns w_avg (w_dim,) moved by the first latents' w.

    Every pass in training moves it, g's, path lengths' and d's, and those mixed in never do
    (stylegan2-ada-pytorch, training/loss.py, `run_G`).
    """

    def draw_w(key: Array) -> Array:
        z = shard(jax.random.normal(key, (n, model.latent)))
        own = params["mapping"], state.stats["mapping"]
        return model.mapping(*own, z, y, train=True)

    ws, w = mapping.mixed(draw_w, model.spec.shape, model.mixing, key)
    return ws, mapping.average(state.memory["w_avg"], w)


def synthesize(model: Model, params: Nets, state: State, ws: Array, key: Array) -> Array:
    """Images of ws in training, with random noise."""
    stats = state.stats["synthesis"]
    return model.synthesis(params["synthesis"], stats, ws, train=True, key=key)


def judge(model: Model, params: Nets, state: State, x: Array, y: Array | None, key: Array) -> Array:
    """d's logits (N,) of images augmented with the current strength, in training."""
    if model.ada_target:
        x = ada.bgc(key, x, state.memory["ada_p"])
    return model.d(params["d"], state.stats["d"], x, y, train=True)


def reals(model: Model, batch: Batch) -> tuple[Array, Array | None]:
    """A batch's images and labels."""
    return batch["image"], batch["label"] if model.condition else None


def g_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on fake images."""
    k_ws, k_synthesis, k_judge = jax.random.split(key, 3)
    x, y = reals(model, batch)
    ws, w_avg = draw_ws(model, params, state, y, len(x), k_ws)
    fakes = synthesize(model, params, state, ws, k_synthesis)
    fake = real = judge(model, params, state, fakes, y, k_judge)
    if model.loss.paired:
        real = judge(model, params, state, x, y, named(key, "real"))
    metrics = {"fake": model.loss.score(fake).mean()}
    return model.loss.g(real, fake).mean(), Aux(metrics, memory={"w_avg": w_avg})


def path_loss(
    model: Model, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """How far |J^T noise| is from its running mean, J the Jacobian of images in w (2020a, 3.2)."""
    k_ws, k_synthesis, k_noise = jax.random.split(key, 3)
    x, y = reals(model, batch)
    n = max(1, len(x) // model.pl_shrink)
    y = None if y is None else y[:n]
    ws, w_avg = draw_ws(model, params, state, y, n, k_ws)
    area = model.spec.shape[0] * model.spec.shape[1]
    noise = shard(jax.random.normal(k_noise, (n, *model.spec.shape))) / area**0.5
    _, pull = jax.vjp(lambda ws: synthesize(model, params, state, ws, k_synthesis), ws)
    lengths = jnp.sqrt(jnp.sum(pull(noise)[0] ** 2, axis=2).mean(axis=1))
    before = state.memory["pl_mean"]
    mean = before + model.pl_decay * (lengths.mean() - before)
    penalty = jnp.mean((lengths - mean) ** 2)
    memory = {"pl_mean": jax.lax.stop_gradient(mean), "w_avg": w_avg}
    aux = Aux({"length": lengths.mean()}, memory=memory)
    return model.pl_every * model.pl_weight * penalty, aux


def d_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on real and on fake images; gathers the signs of logits on real ones."""
    k_ws, k_synthesis, k_real, k_fake = jax.random.split(key, 4)
    x, y = reals(model, batch)
    ws, w_avg = draw_ws(model, params, state, y, len(x), k_ws)
    fakes = synthesize(model, params, state, ws, k_synthesis)
    fake = judge(model, params, state, fakes, y, k_fake)
    real = judge(model, params, state, x, y, k_real)
    sign = jnp.sign(real).mean()
    signs = jax.lax.stop_gradient(state.memory["ada_signs"] + sign / ADA_EVERY)
    on_real, on_fake = model.loss.d(real, fake, named(key, "labels"))
    metrics = {**model.loss.readings(real, fake), "signs": sign}
    memory = {"ada_signs": signs, "w_avg": w_avg}
    return on_real.mean() + on_fake.mean(), Aux(metrics, memory=memory)


def r1_loss(
    model: Model, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """R1 on augmented real images: the gradient is taken at the images before augmentation."""
    x, y = reals(model, batch)
    term = r1(gamma=model.gamma).term
    value = term(lambda x: judge(model, params, state, x, y, key), params["d"], x, x, key)
    return model.r1_every * value, Aux()


def ada_move(
    model: Model, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """Moves p by the mean sign of d on the last steps' real images."""
    del params, key
    memory = state.memory
    p = ada.adapt(
        memory["ada_p"], memory["ada_signs"], len(batch["image"]), model.ada_target, model.ada_kimg
    )
    return memory["ada_signs"], Aux({"p": p}, memory={"ada_p": p, "ada_signs": jnp.zeros(())})


def critic(model: Model, state: State, batch: Batch) -> Array:
    """d's logits (N,) outside of training, without augmentation."""
    x, y = reals(model, batch)
    return model.d(state.params["d"], state.stats["d"], x, y, train=False)
