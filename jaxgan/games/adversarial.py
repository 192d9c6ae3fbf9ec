"""One generator against one discriminator or critic: most recipes are this game.

Losses, regularisers, augmentations, conditions and auxiliary heads combine freely; what must not
be combined is refused, with the reason, when the game is built.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.augment.diffaugment import Augment
from jaxgan.config.registry import Node, resolve
from jaxgan.core.game import Aux, Batch, Game, Nets, Player, Spec, State, Turn, shard
from jaxgan.core.network import Drawn, Net, recall
from jaxgan.core.optim import Optim
from jaxgan.games.common import build
from jaxgan.games.common.build import AT
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.auxiliary import Auxiliary
from jaxgan.losses.regularizers import Regularizer
from jaxgan.runtime.errors import UserError

Array = jax.Array
EMPTY: Batch = {}


class Parts(NamedTuple):
    """What the turns share: the arguments of `adversarial`, made real."""

    spec: Spec
    g: Net
    d: Net
    loss: Loss
    terms: dict[str, Regularizer]  # those that join d's loss at every step
    augment: Augment
    condition: str
    matching_aware: bool
    auxiliary: Auxiliary | None
    latent: int
    g_batch: int
    joint: bool
    reuse_fakes: bool
    dequantize: bool


def adversarial(
    spec: Spec,
    optim: Optim,
    *,
    g: Node,
    d: Node,
    loss: Node = "non_saturating",
    regularizers: Mapping[str, Node] | None = None,
    augment: Node = "none",
    condition: str = "",
    matching_aware: bool = False,
    auxiliary: Node = "",
    latent: int = 100,
    n_critic: int = 1,
    g_batch: int = 1,
    joint: bool = False,
    reuse_fakes: bool = False,
    dequantize: bool = False,
    ema: float = 0.0,
) -> Game:
    """The game of Goodfellow et al. 2014: d tells reals from fakes, g fools d.

    Args:
      spec: the data's shape, classes and length of condition vectors.
      optim: makes a player's optax chain, told how often the player moves.
      g, d: nets under jaxgan/nets, by "file.Class".
      loss: one of jaxgan/losses.py.
      regularizers: of jaxgan/regularizers.py, each under a label; the label is its name where it
        says none. `every` = k makes one a turn of its own on every k-th step, weighted by k.
      augment: of jaxgan/augment.py; reals and fakes go through it on their way to d.
      condition: '' for none, 'label' for the data's classes, 'condition' for its vectors.
      matching_aware: d must also reject a real image with another's condition (Reed et al. 2016).
      auxiliary: of jaxgan/auxiliary.py; d's heads then stand for its seeing the condition.
      latent: length of z ~ N(0, I).
      n_critic: d moves every step, g every n_critic-th; g_batch: with so many times d's batch.
      joint: reals and fakes pass through d as one batch, where nothing in d mixes its samples.
      reuse_fakes: g is judged by the fakes that d just saw, not by others, which saves drawing.
      dequantize: adds U(0, 1) of one grey level to reals.
      ema: decay of the averaged generator that samples are drawn from; 0 keeps none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data or each other.
    """
    extra = (
        resolve(auxiliary, "jaxgan.losses.auxiliary", at=f"{AT}.auxiliary")() if auxiliary else None
    )
    build.check_condition(spec, condition, matching_aware, extra)
    net_g, net_d = build.nets(g, d, spec, bool(condition), extra)
    objective = resolve(loss, "jaxgan.losses.adversarial", at=f"{AT}.loss")()
    terms = build.regularizers(regularizers or {})
    always = {label: term for label, (term, every) in terms.items() if every == 1}
    augmented = resolve(augment, "jaxgan.augment.diffaugment", at=f"{AT}.augment")()
    if reuse_fakes and g_batch > 1:
        raise UserError(f"{AT}.reuse_fakes: d saw fewer fakes than {AT}.g_batch={g_batch} wants")
    wishes = (condition, matching_aware, extra, latent, g_batch, joint, reuse_fakes, dequantize)
    parts = Parts(spec, net_g, net_d, objective, always, augmented, *wishes)
    build.check_critic(
        jax.eval_shape(partial(init, parts), jax.random.key(0))[1]["d"], terms, joint
    )
    return assemble(parts, terms, optim, n_critic, ema)


def assemble(
    parts: Parts,
    terms: dict[str, tuple[Regularizer, int]],
    optim: Optim,
    n_critic: int,
    ema: float,
) -> Game:
    """The game of these parts; a term whose interval is above 1 is a turn of its own."""
    lazy = [
        Turn(f"d_{label}", "d", partial(lazy_loss, parts, term, every), every=every)
        for label, (term, every) in terms.items()
        if every > 1
    ]
    d = Turn("d", "d", partial(d_loss, parts))
    g = Turn("g", "g", partial(g_loss, parts), every=n_critic)
    return Game(
        init=partial(init, parts),
        players={"d": Player(("d",), optim("d")), "g": Player(("g",), optim("g", every=n_critic))},
        turns=(d, *lazy, g),
        inputs=partial(inputs, parts),
        sample=partial(sample, parts),
        critic=partial(critic, parts),
        ema={"g": ema} if ema else {},
    )


def init(parts: Parts, key: Array) -> tuple[Nets, Nets, dict]:
    """Parameters and statistics of both nets; no memory."""
    k_g, k_d, k_inputs = jax.random.split(key, 3)
    given = inputs(parts, k_inputs, 1)
    params_g, stats_g = parts.g.init(k_g, given["z"], given.get("y"))
    seen = None if parts.auxiliary else given.get("y")
    params_d, stats_d = parts.d.init(k_d, jnp.zeros((1, *parts.spec.shape)), seen)
    return {"g": params_g, "d": params_d}, {"g": stats_g, "d": stats_d}, {}


def inputs(parts: Parts, key: Array, n: int, given: Batch = EMPTY) -> dict[str, Array]:
    """n latents `z` and, where the game is conditional, conditions `y`.

    given: `label` (n,), also a code's category, or `condition` (n, D) to draw, else a UserError;
    by default labels go round in turn, vectors are 0, a code is drawn.
    """
    build.check_given(given, parts.spec, parts.condition, parts.auxiliary)
    k_z, k_code = jax.random.split(key)
    drawn = {"z": jax.random.normal(k_z, (n, parts.latent))}
    if parts.auxiliary and parts.auxiliary.code:
        return drawn | {"y": parts.auxiliary.code(k_code, n, given.get("label"))}
    if parts.condition == "label":
        return drawn | {"y": given.get("label", jnp.arange(n) % parts.spec.classes)}
    if parts.condition:
        return drawn | {"y": given.get("condition", jnp.zeros((n, parts.spec.condition_dim)))}
    return drawn


def draw(
    parts: Parts, state: State, y: Array | None, key: Array, n: int, params: Any
) -> tuple[Array, tuple[Array | None, Any]]:
    """n fakes in training of g's `params`; the condition each was given, and g's new statistics."""
    k_z, k_code, k_g = jax.random.split(key, 3)
    z = shard(jax.random.normal(k_z, (n, parts.latent)))
    if parts.auxiliary and parts.auxiliary.code:
        y = shard(parts.auxiliary.code(k_code, n, None))
    elif y is not None:
        y = jnp.tile(y, (n // len(y),) + (1,) * (y.ndim - 1))
    fakes, stats = parts.g.apply(params, state.stats["g"], z, y, train=True, key=k_g)
    return fakes, (y, stats)


def judge(
    parts: Parts, params: Any, stats: Any, x: Array, y: Array | None, key: Array, first: bool
) -> tuple[Array, Array | None, Any]:
    """d's outputs (N,) and heads on augmented images, and its new statistics.

    Spectral vectors move once a step, on its `first` batch.
    """
    k_augment, k_d = jax.random.split(key)
    x, y = parts.augment(k_augment, x), None if parts.auxiliary else y
    frozen = () if first else ("spectral",)
    out, stats = parts.d.apply(params, stats, x, y, train=True, key=k_d, frozen=frozen)
    return (*out, stats) if parts.auxiliary else (out, None, stats)


def judge_both(
    parts: Parts, params: Any, stats: Any, x: list[Array], y: list[Array | None], key: Array
) -> tuple[tuple, tuple, Any]:
    """d's outputs and heads on reals and on fakes, each a batch of its own unless `joint`."""
    if parts.joint:  # in turn, not end to end: what is split over devices then stays where it is
        x, y = (None if two[0] is None else jnp.stack(two, axis=1) for two in (x, y))
        x, y = (two if two is None else two.reshape(-1, *two.shape[2:]) for two in (x, y))
        *both, stats = judge(parts, params, stats, x, y, key, True)
        return *[[part if part is None else part[i::2] for part in both] for i in (0, 1)], stats
    keys = jax.random.split(key)
    *real, stats = judge(parts, params, stats, x[0], y[0], keys[0], True)
    *fake, stats = judge(parts, params, stats, x[1], y[1], keys[1], False)
    return real, fake, stats


def reals(parts: Parts, batch: Batch, key: Array) -> tuple[Array, Array | None]:
    """A batch's images, dequantised where asked, and their condition."""
    x = batch["image"]
    if parts.dequantize:
        x = x + jax.random.uniform(key, x.shape) / 127.5
    return x, batch[parts.condition] if parts.condition else None


def d_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E[real(D(x))] + E[fake(D(G(z)))] and what joins them."""
    keys = iter(jax.random.split(key, 8 + len(parts.terms)))
    x, y = reals(parts, batch, next(keys))
    make = partial(draw, parts, state, y, next(keys), len(x))
    fakes, pull, (given, stats_g) = jax.vjp(make, params["g"], has_aux=True)
    passed = {"fakes": Drawn(fakes, pull), "drawn": (given, stats_g)} if parts.reuse_fakes else {}
    (real, heads), (fake, heads_fake), stats = judge_both(
        parts, params["d"], state.stats["d"], [x, fakes], [y, given], next(keys)
    )
    on_real = parts.loss.real(real, next(keys)).mean()
    on_fake = parts.loss.fake(fake, next(keys)).mean()
    metrics = parts.loss.readings(real, fake)
    if parts.matching_aware:
        k_other, k_judge, k_label = jax.random.split(next(keys), 3)
        other = build.mismatched(y, parts.spec.classes, k_other)
        wrong, _, stats = judge(parts, params["d"], stats, x, other, k_judge, False)
        on_fake = (on_fake + parts.loss.fake(wrong, k_label).mean()) / 2
        metrics["mismatched"] = parts.loss.score(wrong).mean()
    value = on_real + on_fake
    if parts.auxiliary:
        extra, more = parts.auxiliary.d(heads, heads_fake, y, given)
        value, metrics = value + extra, metrics | more
    for label, term in parts.terms.items():
        metrics[label] = penalty(parts, term, params["d"], stats, x, y, fakes, next(keys))
        value += metrics[label]
    return value, Aux(metrics, stats={"d": stats}, passed=passed)


def g_loss(parts: Parts, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """E[g(D(G(z)))], and the auxiliary's term."""
    k_draw, k_judge = jax.random.split(key)
    if parts.reuse_fakes:
        fakes, (given, stats) = recall(params["g"], batch["fakes"]), batch["drawn"]
    else:
        y = batch[parts.condition] if parts.condition else None
        n = parts.g_batch * len(batch["image"])
        fakes, (given, stats) = draw(parts, state, y, k_draw, n, params["g"])
    fake, heads, _ = judge(parts, params["d"], state.stats["d"], fakes, given, k_judge, False)
    value = parts.loss.g(fake).mean()
    if parts.auxiliary:
        value += parts.auxiliary.g(heads, given)
    return value, Aux(stats={"g": stats})


def lazy_loss(
    parts: Parts, term: Regularizer, span: int, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """A regulariser alone, played on every `span`-th step and weighted by that."""
    k_real, k_draw, k_term = jax.random.split(key, 3)
    x, y = reals(parts, batch, k_real)
    fakes, _ = draw(parts, state, y, k_draw, len(x), params["g"])
    stats = state.stats["d"]
    return span * penalty(parts, term, params["d"], stats, x, y, fakes, k_term), Aux()


def penalty(
    parts: Parts,
    term: Regularizer,
    params: Any,
    stats: Any,
    x: Array,
    y: Array | None,
    fakes: Array,
    key: Array,
) -> Array:
    """A regulariser of d as it stands: augmentation and condition are inside the closure."""
    k_judge, k_term = jax.random.split(key)

    def critic(images: Array) -> Array:
        return judge(parts, params, stats, images, y, k_judge, False)[0]

    return term.term(critic, params, x, fakes, k_term)


def critic(parts: Parts, state: State, batch: Batch) -> Array:
    """d's outputs (N,) as it stands, without augmentation; writes nothing."""
    y = batch[parts.condition] if parts.condition and not parts.auxiliary else None
    out, _ = parts.d.apply(state.params["d"], state.stats["d"], batch["image"], y, train=False)
    return out[0] if parts.auxiliary else out


def sample(parts: Parts, state: State, inputs: dict[str, Array], key: Array) -> Array:
    """Images in [-1, 1] from the averaged generator, where there is one, not in train mode."""
    params = {**state.params, **state.ema}["g"]
    z, y = inputs["z"], inputs.get("y")
    return parts.g.apply(params, state.stats["g"], z, y, train=False, key=key)[0]
