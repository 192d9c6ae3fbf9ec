"""Unpaired translation between domains A and B: two generators, a critic for each domain.

CycleGAN (Zhu et al. 2017), DiscoGAN (Kim et al. 2017) and DualGAN (Yi et al. 2017) are this game
with other nets and losses. The generators move first; the critics then judge the very fakes that
they made, or older ones from a pool.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import NonNegative, Whole
from jaxgan.config.registry import Node
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, Turn
from jaxgan.core.inputs import Image
from jaxgan.core.keys import named
from jaxgan.core.network import Net, pure
from jaxgan.core.optim import Optim
from jaxgan.games.common import build, pools
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.reconstruction import Reconstruction
from jaxgan.runtime.errors import UserError

COLUMNS = {"a": "image", "b": "other"}  # of the data, by domain
TO = {"a2b": ("a", "b"), "b2a": ("b", "a")}  # generator: from, to
BACK = {"a2b": "b2a", "b2a": "a2b"}


class Model(NamedTuple):
    """What the turns share: the arguments of `translation`, built."""

    shapes: Mapping[str, tuple[int, ...]]  # by domain
    nets: Mapping[str, Net]  # a2b, b2a, d_a, d_b
    loss: Loss
    reconstruction: Reconstruction
    adversarial: float
    cycle: float
    identity: float
    pool: int


def translation(
    spec: Spec,
    optim: Optim,
    *,
    g: Node,
    d: Node,
    loss: Node = "least_squares",
    reconstruction: Node = "l1",
    adversarial: NonNegative = 1.0,
    cycle: NonNegative = 10.0,
    identity: NonNegative = 0.0,
    pool: Whole = 0,
    critics: Literal[1, 2] = 1,
    ema: float | str = 0.0,
) -> Game:
    """Builds the game in which a2b(a) must look like B, b2a(b) like A, and b2a(a2b(a)) be a.

    Args:
      spec: the data's shapes, of domain A in `shape` and of domain B in `other`.
      optim: makes a player's optax chain.
      g: both generators, a net under jaxgan/nets that takes images; a2b and b2a are one player.
      d: both critics.
      loss: of jaxgan/losses; it may give logits (N,) or one per patch, (N, H, W).
      reconstruction: of jaxgan/losses, the distance of cycle and identity terms: l1 or l2.
      adversarial, cycle, identity: weights of a generator's terms. The authors of CycleGAN use
        the whole square where least_squares has half of it: 2 is their weight.
      pool: how many older fakes of each domain are kept for the critics (Shrivastava et al. 2017;
        50 in Zhu et al. 2017), 0 for none.
      critics: 1 for both critics as one player `d`, 2 for players `d_a` and `d_b`.
      ema: decay or half-life of averaged generators, see averages.ema; 0 keeps none.

    Raises:
      UserError: an unknown name or option, data of one domain, or parts that do not fit together.
    """
    shapes = {"a": spec.shape, "b": spec.other}
    terms = build.loss(loss), build.reconstruction(reconstruction)
    check(shapes, terms[0], identity)
    nets = {name: pure(build.module(g, "g", shapes[to])) for name, (_, to) in TO.items()}
    nets |= {f"d_{domain}": pure(build.module(d, "d", shapes[domain])) for domain in shapes}
    model = Model(shapes, nets, *terms, adversarial, cycle, identity, pool)
    return assemble(model, optim, critics, averages.parse(ema))


def assemble(model: Model, optim: Optim, critics: int, ema: averages.Decay) -> Game:
    """Builds a checked model's game: the generators move, then `critics` players."""
    judges = {"d": ("a", "b")} if critics == 1 else {"d_a": ("a",), "d_b": ("b",)}
    owned = {"g": tuple(TO)}
    owned |= {name: tuple(f"d_{domain}" for domain in each) for name, each in judges.items()}
    turns = [Turn(name, name, partial(d_loss, model, each)) for name, each in judges.items()]
    return Game(
        init=partial(init, model),
        players={name: Player(each, optim(name)) for name, each in owned.items()},
        turns=(Turn("g", "g", partial(g_loss, model)), *turns),
        inputs={"a": Image(model.shapes["a"], COLUMNS["a"])},
        sample=lambda state, drawn, key: translate(model, "a2b", state, drawn["a"], key),
        critic=partial(critic, model),
        ema=dict.fromkeys(TO, ema) if ema else {},
        target=COLUMNS["b"],
        strips=partial(strips, model),
        translators={name: partial(translate, model, name) for name in TO},
    )


def check(shapes: Mapping[str, tuple[int, ...]], loss: Loss, identity: float) -> None:
    """Refuses data of one domain, and arguments of `translation` that do not fit.

    Raises:
      UserError: the reason, in one line.
    """
    if not shapes["b"]:
        raise UserError(
            f"{build.AT}.name=translation: the data have one domain; use data of two, such as "
            "config.data.name=photos_ab, pair:/path with trainA and trainB, or an array: with 'a' "
            "and 'b'"
        )
    if identity and shapes["a"] != shapes["b"]:
        raise UserError(
            f"{build.AT}.identity={identity}: a2b cannot map an image of B, "
            f"{'x'.join(map(str, shapes['b']))}, whose shape is not that of A; set identity=0"
        )
    if loss.paired:
        raise UserError(f"{build.AT}.loss compares a real with a fake image: none here are pairs")


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """Parameters and statistics of the four nets, and empty pools."""
    blank = {domain: jnp.zeros((1, *shape)) for domain, shape in model.shapes.items()}
    takes = {name: origin for name, (origin, _) in TO.items()} | {"d_a": "a", "d_b": "b"}
    made = {
        name: net.init(named(key, name), blank[takes[name]]) for name, net in model.nets.items()
    }
    memory = {}
    if model.pool:
        memory = {f"pool_{key}": pools.empty(model.pool, x) for key, x in model.shapes.items()}
    return (
        {name: params for name, (params, _) in made.items()},
        {name: stats for name, (_, stats) in made.items()},
        memory,
    )


def g_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """Both generators' adversarial, cycle and identity terms; hands their fakes to the critics."""
    real = {domain: batch[column] for domain, column in COLUMNS.items()}
    stats = dict(state.stats)

    def translated(name: str, x: Array, label: str) -> Array:
        own = params[name], stats[name]
        k = named(named(key, name), label)
        out: Array
        out, stats[name] = model.nets[name].apply(*own, x, train=True, key=k)
        return out

    fake, terms = {}, {}
    for name, (origin, to) in TO.items():
        fake[to] = translated(name, real[origin], "fake")
        critic = f"d_{to}"
        logits, _ = model.nets[critic].apply(
            params[critic], state.stats[critic], fake[to], train=True, key=named(key, critic)
        )
        terms[f"adversarial_{name}"] = model.adversarial * model.loss.g(logits, logits).mean()
    for name, (origin, to) in TO.items():
        again = translated(BACK[name], fake[to], "cycle")
        distance = model.reconstruction.distance
        terms[f"cycle_{origin}"] = model.cycle * distance(again, real[origin])
        if model.identity:
            same = translated(name, real[to], "identity")
            terms[f"identity_{name}"] = model.identity * distance(same, real[to])
    own = {name: stats[name] for name in TO}
    passed = {f"fake_{domain}": images for domain, images in fake.items()}
    return jnp.stack(list(terms.values())).sum(), Aux(terms, stats=own, passed=passed)


def d_loss(
    model: Model,
    domains: tuple[str, ...],
    params: Nets,
    state: State,
    batch: Batch,
    key: Array,
) -> tuple[Array, Aux]:
    """The critics' terms on real images of their domains, and on fakes of this step or older."""
    total, metrics, memory, stats = jnp.float32(0), {}, {}, {}
    for domain in domains:
        k_pool, k_real, k_fake, k_labels = jax.random.split(named(key, domain), 4)
        fakes, name = batch[f"fake_{domain}"], f"d_{domain}"
        if model.pool:
            at = f"pool_{domain}"
            fakes, memory[at] = pools.query(state.memory[at], fakes, k_pool)
        net, own = model.nets[name], params[name]
        real, new = net.apply(
            own, state.stats[name], batch[COLUMNS[domain]], train=True, key=k_real
        )
        # Spectral vectors move once a step.
        fake, stats[name] = net.apply(own, new, fakes, train=True, key=k_fake, frozen=("spectral",))
        on_real, on_fake = (each.mean() for each in model.loss.d(real, fake, k_labels))
        metrics[f"loss_{domain}"] = on_real + on_fake
        readings = model.loss.readings(real, fake)
        metrics |= {f"{name}_{domain}": readings[name] for name in ("real", "fake")}
        total += metrics[f"loss_{domain}"]
    return total, Aux(metrics, stats=stats, memory=memory)


def translate(model: Model, name: str, state: State, images: Array, key: Array) -> Array:
    """Images in [-1, 1] that generator `name` makes of those given, outside of training."""
    params = {**state.params, **state.ema}[name]
    return model.nets[name](params, state.stats[name], images, train=False, key=key)


def strips(model: Model, state: State, batch: Batch, key: Array) -> Array:
    """x, a2b(x), b2a(a2b(x)) and y, b2a(y), a2b(b2a(y)) of each x of A and y of B, (n, 6, ...)."""
    row = []
    for there, back in BACK.items():
        images = batch[COLUMNS[TO[there][0]]]
        translated = translate(model, there, state, images, key)
        row += [images, translated, translate(model, back, state, translated, key)]
    channels = max(images.shape[-1] for images in row)
    return jnp.stack([in_channels(images, channels) for images in row], axis=1)


def in_channels(images: Array, channels: int) -> Array:
    """Shows images of fewer channels among others: gray among colors, both opaque among RGBA."""
    if images.shape[-1] == channels:
        return images
    colors = images.repeat(3, -1) if images.shape[-1] == 1 else images
    opaque = jnp.ones((*images.shape[:-1], channels - 3), images.dtype)
    return jnp.concatenate([colors, opaque], axis=-1)


def critic(model: Model, state: State, batch: Batch) -> Array:
    """The mean logits (N,) of B's critic, outside of training."""
    logits = model.nets["d_b"](state.params["d_b"], state.stats["d_b"], batch["image"], train=False)
    return logits.reshape(len(logits), -1).mean(axis=1)
