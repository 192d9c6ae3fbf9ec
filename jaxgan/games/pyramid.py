"""Pyramids: stages of rising resolution, each a game of its own conditioned on a coarser image.

LAPGAN (Denton et al. 2015) and StackGAN (Zhang et al. 2017) are this game with other nets. Stages
are those of config.growth, and train one after the other or together. The turns of a stage move
the players of that stage alone, g1 and d1 of the coarsest, g2 and d2 of the next; all are in one
state, and samples are drawn from the top down. A stage that has not begun enlarges what it is
given.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Latent, NonNegative, Options
from jaxgan.config.registry import Node
from jaxgan.core import inputs as declared
from jaxgan.core.averages import ema as averages
from jaxgan.core.game import Aux, Batch, Drawn, Game, Nets, Player, Spec, State, Turn
from jaxgan.core.growth import Growth
from jaxgan.core.inputs import Inputs, Noise
from jaxgan.core.keys import named
from jaxgan.core.optim import Optim
from jaxgan.core.sharding import shard
from jaxgan.games.common import build, conditions, levels
from jaxgan.games.common.levels import Level
from jaxgan.nets.ops.laplacian import gaussian, resized
from jaxgan.runtime.errors import UserError

Condition = Any  # labels (N,), vectors (N, D), or None where there are none


class Model(NamedTuple):
    """What the turns share: the arguments of `pyramid`, built."""

    spec: Spec
    levels: tuple[Level, ...]  # from the coarsest on
    coarse: str
    condition: str
    matching_aware: bool
    kl: float
    inputs: Inputs


def pyramid(
    spec: Spec,
    optim: Optim,
    growth: Growth,
    *,
    g: Node,
    d: Node,
    stages: Mapping[str, Options] | None = None,
    loss: Node = "non_saturating",
    regularizers: Mapping[str, Node] | None = None,
    condition: str = "",
    matching_aware: bool = False,
    conditioning: Node = "",
    kl: NonNegative = 2.0,
    latent: Latent = 100,
    noise: bool = True,
    coarse: Literal["real", "drawn"] = "real",
    ema: float | str = 0.0,
) -> Game:
    """Builds a game of a generator and a discriminator for each stage of config.growth.

    Args:
      spec: the data's shape, classes and length of condition vectors.
      optim: makes a player's chain, by its own node, as config.optim.g2, or that of g or d.
      growth: the stages, which do not fade in.
      g, d: nets under jaxgan/nets, by "file.Class". Those of finer stages are called with the
        coarser image too: g must take it, d may.
      stages: resolution -> what that stage has in place of g, d, loss and regularizers.
      loss: of jaxgan/losses.
      regularizers: of jaxgan/losses, each under a label; they see d as a function of images alone.
      condition: '' for none, 'label' for the data's classes, 'condition' for its vectors.
      matching_aware: d must also reject a real image with a wrong condition (Reed et al. 2016).
      conditioning: a net, as stackgan.Augmentation, that gives the mean and deviation of a
        Gaussian for each condition; each stage's g takes a draw of it in place of the condition
        (Zhang et al. 2017, section 3.2). '' for none.
      kl: weight in g's loss of that Gaussian's divergence from N(0, I), the mean over numbers, as
        in the authors' code.
      latent: length of the coarsest g's z ~ N(0, I).
      noise: whether finer stages' g take noise too, of as many numbers as their image has pixels.
      coarse: what a finer stage trains on: 'real', real images made coarser, so that stages need
        not wait for one another (LAPGAN); 'drawn', what the coarser stages draw, in training as in
        sampling (StackGAN).
      ema: decay or half-life of the averaged generators that samples are drawn from, and coarser
        images; see averages.ema. 0 keeps none.

    Raises:
      UserError: an unknown name or option, or parts that do not fit the data or each other.
    """
    conditions.check(spec, condition, matching_aware, None)
    if conditioning and not condition:
        raise UserError(f"{build.AT}.conditioning needs a condition: set {build.AT}.condition")
    own = levels.build_all(
        growth, spec, {"g": g, "d": d, "loss": loss, "regularizers": regularizers or {}},
        stages or {}, conditional=bool(condition), conditioning=conditioning,
        noises=(latent, noise),
    )  # fmt: skip
    inputs = {**levels.noises(own), **conditions.inputs(spec, condition, None)}
    model = Model(spec, own, coarse, condition, matching_aware, kl, inputs)
    return assemble(model, optim, averages.parse(ema))


def assemble(model: Model, optim: Optim, ema: averages.Decay) -> Game:
    """Builds a checked model's game: d, its lazy regularizers and g of each stage, in its span."""
    stats = jax.eval_shape(partial(init, model), jax.random.key(0))[1]
    players, turns = {}, []
    for level in model.levels:
        build.check_critic(stats[level.d], level.terms)
        chains, span = optim.within(level.stage), (level.stage.start, level.stage.stop)
        lazy = {label: every for label, (_, every) in level.terms.items() if every > 1}
        chosen = {name: name if optim.has(name) else name[0] for name in (level.d, level.g)}
        players[level.d] = Player((level.d,), chains(chosen[level.d], lazy=[*lazy.values()]))
        players[level.g] = Player(level.generators, chains(chosen[level.g]))
        turns.append(Turn(level.d, level.d, partial(d_loss, model, level), span=span))
        for label, every in lazy.items():
            loss = partial(lazy_loss, model, level, label)
            turns.append(Turn(f"{level.d}_{label}", level.d, loss, every=every, span=span))
        turns.append(Turn(level.g, level.g, partial(g_loss, model, level), span=span))
    averaged = [net for level in model.levels for net in level.generators]
    swaps = conditions.swaps(model.condition, model.matching_aware)
    mixes = [name for each in model.levels for name in build.mixing(each.loss, each.terms, swaps)]
    return Game(
        init=partial(init, model),
        players=players,
        turns=tuple(turns),
        inputs=model.inputs,
        sample=partial(sample, model),
        critic=partial(critic, model),
        ema=dict.fromkeys(averaged, ema) if ema else {},
        mixes=tuple(dict.fromkeys(mixes)),
    )


def init(model: Model, key: Array) -> tuple[Nets, Nets, dict[str, Any]]:
    """Parameters and statistics of all stages' nets; no memory."""
    drawn = declared.draw(model.inputs, named(key, "inputs"), 1)
    made: dict[str, tuple[Any, Any]] = {}
    below = None
    for level in model.levels:
        y = drawn.get("y")
        made |= level.init(named(key, level.g), drawn, y, below)
        below = jnp.zeros((1, *level.shape))
    return (
        {name: params for name, (params, _) in made.items()},
        {name: stats for name, (_, stats) in made.items()},
        {},
    )


def sample(model: Model, state: State, inputs: Drawn, key: Array) -> Array:
    """Images in [-1, 1] of the last stage that has begun, enlarged to the data's resolution."""
    del key
    return descend(model.levels, state, inputs)


def descend(stages: tuple[Level, ...], state: State, inputs: Drawn) -> Array:
    """Samples the last of some stages, each on the images of the one before; not for training."""
    params: Nets = {**state.params, **state.ema}
    first, *finer = stages
    image = jnp.clip(first.draw(params, state.stats, inputs, None, train=False).images, -1, 1)
    for level in finer:
        made = level.draw(params, state.stats, inputs, image, train=False).images
        begun = state.step > level.stage.start
        enlarged = resized(image, level.shape[0])
        image = jnp.where(begun, jnp.clip(made, -1, 1), enlarged)
    return image


def reals(model: Model, level: Level, batch: Batch) -> tuple[Array, Array | None, Condition]:
    """A batch's images at a stage's resolution and at that of the coarser one, and its condition.

    Of the coarsest stage the second is None.
    """
    sides = [each.shape[0] for each in model.levels]
    images = gaussian(batch["image"], sides)
    below = images[level.number - 2] if level.number > 1 else None
    return images[level.number - 1], below, batch[model.condition] if model.condition else None


def given(
    model: Model, level: Level, state: State, real: Array | None, y: Condition, n: int, key: Array
) -> tuple[dict[str, Array], Array | None]:
    """Draws what a stage's g takes in training: its inputs, and the coarser images (n, ...).

    Those are the real ones, or what the stages before draw from the same conditions, as they are
    sampled; they are constants to this stage.
    """
    key = named(key, "inputs")
    drawn = {
        name: shard(field.draw(named(key, name), n, None))
        for name, field in model.inputs.items()
        if isinstance(field, Noise)
    }
    drawn |= {} if y is None else {"y": y}
    if level.number > 1 and model.coarse == "drawn":
        return drawn, descend(model.levels[: level.number - 1], state, drawn)
    return drawn, real


def d_loss(
    model: Model, level: Level, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """The loss's terms on real and on fake images of a stage, mismatches, and regularizers."""
    x, below, y = reals(model, level, batch)
    inputs, coarse = given(model, level, state, below, y, len(x), key)
    fakes = level.draw(params, state.stats, inputs, coarse, train=True, key=named(key, "g")).images
    judge, k_judge = partial(level.judge, params), named(key, "judge")
    real, stats = judge(state.stats, x, y, below, key=named(k_judge, "real"), first=True)
    fake, stats = judge(stats, fakes, y, coarse, key=named(k_judge, "fake"))
    on_real, on_fake = (each.mean() for each in level.loss.d(real, fake, named(key, "labels")))
    metrics = level.loss.readings(real, fake)
    if model.matching_aware:
        k_other, k_wrong, k_label = jax.random.split(named(key, "mismatched"), 3)
        other = conditions.mismatched(y, model.spec.classes, k_other)
        wrong, stats = judge(stats, x, other, below, key=k_wrong)
        real_wrong, wrong_terms = level.loss.d(real, wrong, k_label)
        on_fake = (on_fake + wrong_terms.mean()) / 2
        if level.loss.paired:
            on_real = (on_real + real_wrong.mean()) / 2
        metrics["mismatched"] = level.loss.score(wrong).mean()
    value = on_real + on_fake
    for label, (term, every) in level.terms.items():
        if every == 1:
            k_term = named(named(key, "terms"), label)
            critic = level.critic(params, stats, y, below, named(k_term, "judge"))
            metrics[label] = term.term(critic, params[level.d], x, fakes, k_term)
            value += metrics[label]
    return value, Aux(metrics, stats={level.d: stats[level.d]})


def lazy_loss(
    model: Model, level: Level, label: str, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """One regularizer of a stage, played on every `every`-th step and weighted by that."""
    x, below, y = reals(model, level, batch)
    inputs, coarse = given(model, level, state, below, y, len(x), key)
    fakes = level.draw(params, state.stats, inputs, coarse, train=True, key=named(key, "g")).images
    term, every = level.terms[label]
    critic = level.critic(params, state.stats, y, below, named(key, "judge"))
    return every * term.term(critic, params[level.d], x, fakes, named(key, "term")), Aux()


def g_loss(
    model: Model, level: Level, params: Nets, state: State, batch: Batch, key: Array
) -> tuple[Array, Aux]:
    """The loss's terms on a stage's fake images, and the divergence of its conditions."""
    x, below, y = reals(model, level, batch)
    inputs, coarse = given(model, level, state, below, y, len(x), key)
    drawn = level.draw(params, state.stats, inputs, coarse, train=True, key=named(key, "g"))
    judge, k_judge = partial(level.judge, params, state.stats), named(key, "judge")
    real = fake = judge(drawn.images, y, coarse, key=named(k_judge, "fake"))[0]
    if level.loss.paired:
        real = judge(x, y, below, key=named(k_judge, "real"))[0]
    value = level.loss.g(real, fake).mean()
    metrics = {"fake": level.loss.score(fake).mean()}
    if level.features:
        metrics["kl"] = drawn.divergence
        value += model.kl * drawn.divergence
    own = {net: drawn.stats[net] for net in level.generators}
    return value, Aux(metrics, stats=own)


def critic(model: Model, state: State, batch: Batch) -> Array:
    """The logits (N,) of the d of the last stage that has begun, outside of training."""
    logits: Array = jnp.float32(0)
    for level in model.levels:
        x, below, y = reals(model, level, batch)
        own = level.judge(state.params, state.stats, x, y, below, train=False)[0]
        begun = (state.step > level.stage.start) | (level.number == 1)
        logits = jnp.where(begun, own, logits)
    return logits
