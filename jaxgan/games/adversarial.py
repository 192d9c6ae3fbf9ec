"""One generator against one discriminator or critic: most recipes are this game.

Losses, regularizers, augmentations, conditions and auxiliary heads combine freely; what must not
be combined is refused, with the reason, when the game is built.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.augment.diffaugment import Augment
from jaxgan.config.kinds import Latent, Multiple, Positive, Whole
from jaxgan.config.registry import Node
from jaxgan.core import inputs as declared
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Drawn, Game, Nets, Player, Spec, Standing, State, Turn
from jaxgan.core.inputs import Inputs, Noise
from jaxgan.core.keys import named
from jaxgan.core.network import Net
from jaxgan.core.optim import Optim
from jaxgan.core.sharding import shard
from jaxgan.games.common import build, conditions
from jaxgan.games.common import standing as moments
from jaxgan.games.common.batches import dequantized, interleaved, of_images
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.auxiliary import Auxiliary
from jaxgan.losses.penalties import Penalty
from jaxgan.losses.regularizers import Regularizer

Condition = Any  # labels (N,), vectors (N, D), or None


class Model(NamedTuple):
    """What the turns share: the arguments of `adversarial`, built."""

    spec: Spec
    g: Net
    d: Net
    loss: Loss
    terms: dict[str, Regularizer]  # those added to d's loss at every step
    penalties: dict[str, Penalty]  # those added to g's loss
    augment: Augment
    condition: str
    matching_aware: bool
    auxiliary: Auxiliary | None
    latent: int
    g_batch: int
    joint: bool
    dequantize: bool
    fresh_labels: bool
    standing: Standing | None
    inputs: Inputs


def adversarial(
    spec: Spec,
    optim: Optim,
    *,
    g: Node,
    d: Node,
    loss: Node = "non_saturating",
    regularizers: Mapping[str, Node] | None = None,
    g_regularizers: Mapping[str, Node] | None = None,
    augment: Node = "none",
    condition: str = "",
    matching_aware: bool = False,
    auxiliary: Node = "",
    latent: Latent = 100,
    n_critic: Positive = 1,
    g_batch: Multiple = 1,
    joint: bool = False,
    dequantize: bool = False,
    fresh_labels: bool = False,
    ema: float | str = 0.0,
    standing: Whole = 0,
) -> Game:
    """Builds the game of Goodfellow et al. 2014: d classifies real and fake samples, g fools d.

    Args:
      spec: the data's shape, classes and length of condition vectors.
      optim: makes a player's optax chain, given how often the player moves.
      g, d: nets under jaxgan/nets, by "file.Class". loss: of jaxgan/losses, returns a `Loss`.
      regularizers: of jaxgan/losses, by label; g_regularizers: of g's weights. `every` = k makes
        one a turn of its own on every k-th step, weighted by k; Adam is corrected, see `Optim`.
      augment: of jaxgan/augment; real and fake images pass through it on their way to d.
      condition: '' for none, 'label' for the data's classes, 'condition' for its vectors.
      matching_aware: d must also reject a real image with a wrong condition (Reed et al. 2016).
      auxiliary: of jaxgan/losses; d then predicts the condition instead of taking it.
      latent: length of z ~ N(0, I).
      n_critic: g moves every n_critic-th step; g_batch: g draws this many times d's batch.
      joint: real and fake images pass through d as one batch, where nothing in d mixes samples.
      dequantize: noise fills the gaps between real images' gray levels, see batches.dequantized.
      fresh_labels: fakes get labels of their own, uniform over the classes, and not the batch's.
      ema: of the averaged generator that samples are drawn from, see averages.ema; 0 keeps none.
      standing: over how many batches what draws samples takes the moments of g's BatchNorm anew.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data or each other.
    """
    extra = build.auxiliary(auxiliary)
    conditions.check(spec, condition, matching_aware, extra, fresh_labels)
    net_g, net_d = build.nets(g, d, spec, bool(condition), extra)
    terms = build.regularizers(regularizers or {})
    model = Model(
        spec=spec, g=net_g, d=net_d, loss=build.loss(loss),
        terms={label: term for label, (term, every) in terms.items() if every == 1},
        penalties=build.penalties(g_regularizers or {}), augment=build.augment(augment),
        condition=condition, matching_aware=matching_aware, auxiliary=extra, latent=latent,
        g_batch=g_batch, joint=joint, dequantize=of_images(dequantize, spec),
        fresh_labels=fresh_labels, standing=moments.build(net_g, "g", standing, condition),
        inputs={"z": Noise(latent), **conditions.inputs(spec, condition, extra)},
    )  # fmt: skip
    return assemble(model, terms, optim, n_critic, averages.parse(ema))


def assemble(
    model: Model, terms: build.Terms, optim: Optim, n_critic: int, ema: averages.Decay
) -> Game:
    """Builds a checked model's game; a regularizer whose interval exceeds 1 is its own turn."""
    _, stats, _ = jax.eval_shape(partial(init, model), jax.random.key(0))
    build.check_critic(stats["d"], terms, model.joint)
    moments.check(model.standing, stats["g"])
    lazy = [
        Turn(f"d_{label}", "d", partial(lazy_loss, model, term, every), every=every)
        for label, (term, every) in terms.items()
        if every > 1
    ]
    d_optim = optim("d", lazy=[turn.every for turn in lazy])
    g = Turn("g", "g", partial(g_loss, model), every=n_critic)
    swaps = conditions.swaps(model.condition, model.matching_aware)
    return Game(
        init=partial(init, model),
        players={"d": Player(("d",), d_optim), "g": Player(("g",), optim("g", every=n_critic))},
        turns=(Turn("d", "d", partial(d_loss, model)), *lazy, g),
        inputs=model.inputs,
        sample=partial(sample, model),
        critic=partial(critic, model),
        ema={"g": ema} if ema else {},
        standing=model.standing,
        mixes=build.mixing(model.loss, terms, swaps),
    )


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """Parameters and statistics of both nets; no memory."""
    k_g, k_d, k_inputs = jax.random.split(key, 3)
    drawn = declared.draw(model.inputs, k_inputs, 1)
    params_g, stats_g = model.g.init(k_g, drawn["z"], drawn.get("y"))
    y = None if model.auxiliary else drawn.get("y")
    params_d, stats_d = model.d.init(k_d, jnp.zeros((1, *model.spec.shape)), y)
    return {"g": params_g, "d": params_d}, {"g": stats_g, "d": stats_d}, {}


def draw(
    model: Model, params: Nets, state: State, y: Condition, n: int, key: Array
) -> tuple[Array, Condition, Any]:
    """Draws n fake images in training; returns their conditions and g's new statistics too."""
    k_z, k_code, k_g = jax.random.split(key, 3)
    z = shard(jax.random.normal(k_z, (n, model.latent)))
    if model.auxiliary and model.auxiliary.code:
        y = shard(model.auxiliary.code(k_code, n, None))
    elif y is not None:
        y = jnp.tile(y, (n // len(y),) + (1,) * (y.ndim - 1))
        y = shard(conditions.fresh(y, model.spec.classes, k_code)) if model.fresh_labels else y
    images, stats = model.g.apply(params["g"], state.stats["g"], z, y, train=True, key=k_g)
    return images, y, stats


def judge(
    model: Model,
    params: Nets,
    state: State,
    x: Array,
    y: Condition,
    key: Array,
    *,
    update_stats: bool = False,
) -> tuple[Array, Any, State]:
    """d's logits (N,) and heads, None where it has none, of augmented images in training.

    Returns the state too, with d's new statistics. Spectral vectors move once per step, where
    `update_stats` is set.
    """
    k_augment, k_d = jax.random.split(key)
    x, y = model.augment(k_augment, x), None if model.auxiliary else y
    options = {"train": True, "key": k_d, "frozen": () if update_stats else ("spectral",)}
    out, stats = model.d.apply(params["d"], state.stats["d"], x, y, **options)
    logits, heads = out if model.auxiliary else (out, None)
    return logits, heads, state.replace(stats=state.stats | {"d": stats})


def judge_both(
    model: Model, params: Nets, state: State, x: list[Array], y: list[Condition], key: Array
) -> tuple[tuple[Array, Any], tuple[Array, Any], State]:
    """d's logits and heads of real and of fake images, each a batch of its own unless `joint`."""
    if model.joint:
        x_both, y_both = interleaved(x), interleaved(y)
        both, heads, state = judge(model, params, state, x_both, y_both, key, update_stats=True)
        of_real, of_fake = (None if heads is None else heads[i::2] for i in (0, 1))
        return (both[::2], of_real), (both[1::2], of_fake), state
    k_real, k_fake = jax.random.split(key)
    real, of_real, state = judge(model, params, state, x[0], y[0], k_real, update_stats=True)
    fake, of_fake, state = judge(model, params, state, x[1], y[1], k_fake)
    return (real, of_real), (fake, of_fake), state


def reals(model: Model, batch: Batch, key: Array) -> tuple[Array, Condition]:
    """A batch's images, dequantized where asked, and their condition."""
    x = dequantized(batch["image"], key) if model.dequantize else batch["image"]
    return x, batch[model.condition] if model.condition else None


def d_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on real and on fake images, mismatches, heads and regularizers."""
    x, y = reals(model, batch, named(key, "reals"))
    fakes, y_fake, _ = draw(model, params, state, y, len(x), named(key, "fakes"))
    (real, heads), (fake, heads_fake), state = judge_both(
        model, params, state, [x, fakes], [y, y_fake], named(key, "judge")
    )
    on_real, on_fake = (each.mean() for each in model.loss.d(real, fake, named(key, "labels")))
    metrics = model.loss.readings(real, fake)
    if model.matching_aware:
        k_other, k_judge, k_label = jax.random.split(named(key, "mismatched"), 3)
        other = conditions.mismatched(y, model.spec.classes, k_other)
        wrong, _, state = judge(model, params, state, x, other, k_judge)
        real_wrong, wrong_terms = model.loss.d(real, wrong, k_label)
        on_fake = (on_fake + wrong_terms.mean()) / 2
        if model.loss.paired:
            on_real = (on_real + real_wrong.mean()) / 2
        metrics["mismatched"] = model.loss.score(wrong).mean()
    value = on_real + on_fake
    if model.auxiliary:
        extra, more = model.auxiliary.d(heads, heads_fake, y, y_fake)
        value, metrics = value + extra, metrics | more
    for label, term in model.terms.items():
        k_judge, k_term = jax.random.split(named(named(key, "terms"), label))
        judged = as_critic(model, params, state, y, k_judge)
        metrics[label] = term.term(judged, params["d"], x, fakes, k_term)
        value += metrics[label]
    return value, Aux(metrics, stats={"d": state.stats["d"]})


def g_loss(model: Model, params: Nets, state: State, batch: Batch, key: Array) -> tuple[Array, Aux]:
    """The loss's terms on fake images, and the auxiliary's."""
    y = batch[model.condition] if model.condition else None
    n = model.g_batch * len(batch["image"])
    fakes, y_fake, stats = draw(model, params, state, y, n, named(key, "fakes"))
    fake, heads, _ = judge(model, params, state, fakes, y_fake, named(key, "judge"))
    real = fake
    if model.loss.paired:
        x, y = reals(model, batch, named(key, "reals"))
        real, _, _ = judge(model, params, state, x, y, named(key, "judge_reals"))
    value = model.loss.g(real, fake).mean()
    if model.auxiliary:
        value += model.auxiliary.g(heads, y_fake)
    metrics = {"fake": model.loss.score(fake).mean()}
    for label, penalty in model.penalties.items():
        metrics[label] = penalty.term(params["g"])
        value += metrics[label]
    return value, Aux(metrics, stats={"g": stats})


def lazy_loss(
    model: Model, reg: Regularizer, every: int, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """One regularizer, played on every `every`-th step and weighted by that."""
    k_real, k_draw, k_term = jax.random.split(key, 3)
    x, y = reals(model, batch, k_real)
    fakes, _, _ = draw(model, params, state, y, len(x), k_draw)
    k_judge, k_term = jax.random.split(k_term)
    judged = as_critic(model, params, state, y, k_judge)
    return every * reg.term(judged, params["d"], x, fakes, k_term), Aux()


def as_critic(
    model: Model, params: Nets, state: State, y: Condition, key: Array
) -> Callable[[Array], Array]:
    """d as a function of images alone, as regularizers see it: augmented, conditioned."""
    return lambda images: judge(model, params, state, images, y, key)[0]


def critic(model: Model, state: State, batch: Batch) -> Array:
    """d's logits (N,) outside of training, without augmentation."""
    y = batch[model.condition] if model.condition and not model.auxiliary else None
    out = model.d(state.params["d"], state.stats["d"], batch["image"], y, train=False)
    return out[0] if model.auxiliary else out


def sample(model: Model, state: State, inputs: Drawn, key: Array) -> Array:
    """Images in [-1, 1] from the averaged generator, where there is one, outside of training."""
    params = {**state.params, **state.ema}["g"]
    return model.g(params, state.stats["g"], inputs["z"], inputs.get("y"), train=False, key=key)
