"""A stage of a pyramid: its nets, its objective, and how they are called."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import Options
from jaxgan.config.registry import Node, bind, options, resolve
from jaxgan.core.game import Drawn, Nets, Spec
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.inputs import Inputs, Noise
from jaxgan.core.keys import named
from jaxgan.core.network import Module, Net, pure
from jaxgan.games.common import build
from jaxgan.losses.adversarial import Loss
from jaxgan.runtime.errors import UserError

Condition = Any  # labels (N,), vectors (N, D), or None where there are none


class Made(NamedTuple):
    """What a stage's generator draws, and the new statistics of all nets.

    divergence: of the Gaussians of conditions from N(0, I), the mean over rows and numbers; 0
    where conditions are not drawn.
    """

    images: Array
    stats: Nets
    divergence: Array


class Level(NamedTuple):
    """A stage as a game.

    number: from 1, the coarsest. stage: its resolution and span. shape: of its images.
    nets: g, d, and the net of conditions, if any. loss, terms: its objective; label ->
    (regularizer, every). noise: length of what g draws from, 0 for nothing. features: length of a
    drawn condition, 0 for none. sees: whether d takes the coarser image.
    """

    number: int
    stage: Stage
    shape: tuple[int, ...]
    nets: Mapping[str, Net]
    loss: Loss
    terms: build.Terms
    noise: int
    features: int
    sees: bool

    @property
    def g(self) -> str:
        """The name of its generator, and of the player and the turn that move it."""
        return f"g{self.number}"

    @property
    def d(self) -> str:
        """The name of its discriminator."""
        return f"d{self.number}"

    @property
    def c(self) -> str:
        """The name of the net that augments its conditions."""
        return f"c{self.number}"

    @property
    def z(self) -> str:
        """The name of the input that its generator draws from."""
        return f"z{self.number}" if self.number > 1 else "z"

    @property
    def e(self) -> str:
        """The name of the input that its conditions are drawn with."""
        return f"e{self.number}"

    @property
    def generators(self) -> tuple[str, ...]:
        """The nets that its generator's player moves."""
        return (self.g, self.c) if self.features else (self.g,)

    def init(
        self, key: Array, inputs: Drawn, y: Condition, below: Array | None
    ) -> dict[str, tuple[Any, Any]]:
        """Makes the parameters and statistics of each net; `below`: coarser images, or None."""
        made, conditioned = {}, y
        if self.features:
            made[self.c] = self.nets["c"].init(named(key, "c"), y)
            conditioned = jnp.zeros((1, self.features))
        coarse = () if below is None else (below,)
        made[self.g] = self.nets["g"].init(
            named(key, "g"), inputs.get(self.z), conditioned, *coarse
        )
        made[self.d] = self.nets["d"].init(
            named(key, "d"), jnp.zeros((1, *self.shape)), y, *(coarse if self.sees else ())
        )
        return made

    def draw(
        self,
        params: Nets,
        stats: Nets,
        inputs: Drawn,
        below: Array | None,
        *,
        train: bool,
        key: Array | None = None,
    ) -> Made:
        """Draws images (N, *shape), not clipped, from inputs and coarser images (N, h, w, C)."""
        y, divergence, new = inputs.get("y"), jnp.float32(0), dict(stats)
        if self.features:
            moments, new[self.c] = self.nets["c"].apply(
                params[self.c], stats[self.c], y, train=train, key=key
            )
            y = moments[0] + jnp.exp(moments[1]) * inputs[self.e]
            divergence = from_standard(*moments)
        coarse = () if below is None else (below,)
        own = params[self.g], stats[self.g], inputs.get(self.z), y, *coarse
        images, new[self.g] = self.nets["g"].apply(*own, train=train, key=key)
        return Made(images, new, divergence)

    def judge(
        self,
        params: Nets,
        stats: Nets,
        x: Array,
        y: Condition,
        below: Array | None,
        *,
        key: Array | None = None,
        first: bool = False,
        train: bool = True,
    ) -> tuple[Array, dict[str, Any]]:
        """d's logits (N,) of images with coarser ones, and new statistics of all nets.

        Spectral vectors move once per step, in the `first` judgment.
        """
        coarse = (below,) if self.sees else ()
        frozen = () if first else ("spectral",)
        logits, own = self.nets["d"].apply(
            params[self.d], stats[self.d], x, y, *coarse, train=train, key=key, frozen=frozen
        )
        return logits, {**stats, self.d: own}

    def critic(
        self, params: Nets, stats: Nets, y: Condition, below: Array | None, key: Array
    ) -> Callable[[Array], Array]:
        """d as a function of images alone, as regularizers see it."""
        return lambda images: self.judge(params, stats, images, y, below, key=key)[0]


def noises(levels: Sequence[Level]) -> Inputs:
    """Declares what generators draw from, and what conditions are drawn with, by input."""
    found: dict[str, Noise] = {}
    for level in levels:
        found |= {level.z: Noise(level.noise)} if level.noise else {}
        found |= {level.e: Noise(level.features)} if level.features else {}
    return found


def from_standard(mean: Array, log_deviation: Array) -> Array:
    """Computes the mean, over rows and numbers, of KL(N(mean, deviation^2) || N(0, 1)) in nats."""
    return jnp.mean(0.5 * (mean**2 + jnp.exp(2 * log_deviation) - 1) - log_deviation)


def objective(
    *, g: Node, d: Node, loss: Node, regularizers: Mapping[str, Node]
) -> tuple[Node, Node, Node, Mapping[str, Node]]:
    """Returns what a stage may have of its own, of the nodes under config.game.stages."""
    return g, d, loss, regularizers


def build_all(
    growth: Growth,
    spec: Spec,
    shared: Mapping[str, Any],
    stages: Mapping[str, Options],
    *,
    conditional: bool,
    conditioning: Node,
    noises: tuple[int, bool],
) -> tuple[Level, ...]:
    """Builds the stages of a pyramid, from the coarsest on.

    Args:
      growth, spec: of the run and the data.
      shared: nodes `g`, `d`, `loss` and `regularizers` of all stages.
      stages: resolution -> those that a stage has in their place.
      conditional: whether nets take the data's condition.
      conditioning: the node of the net that augments it, or ''.
      noises: length of the coarsest stage's z; whether finer ones have noise.

    Raises:
      UserError: stages that fade in, of another run, or nets that do not fit.
    """
    known = [str(stage.res) for stage in growth.stages]
    if len(known) < 2:
        raise UserError("config.growth: a pyramid has several stages; set config.growth.first")
    for res in stages:
        if res not in known:
            raise UserError(f"{build.AT}.stages.{res}: this run's stages are {', '.join(known)}")
    if any(stage.fade for stage in growth.stages):
        raise UserError("config.growth.fade: a pyramid's stages do not fade in; set fade=0")
    found = []
    for number, stage in enumerate(growth.stages, 1):
        own, at = stages.get(str(stage.res), {}), f"stages.{stage.res}"
        bound = bind(objective, {**shared, **own}, at=f"{build.AT}.{at}")
        places = {name: f"{at}.{name}" if name in own else name for name in shared}
        side = (stage.res, stage.res, spec.shape[-1])
        noise = noises[0] if number == 1 else stage.res**2 * noises[1]
        found.append(_level(number, stage, side, bound(), places, noise, spec, conditional))
    if conditioning:
        found = [_augmented(level, conditioning, spec) for level in found]
    return tuple(found)


def _level(
    number: int,
    stage: Stage,
    shape: tuple[int, ...],
    nodes: tuple[Node, Node, Node, Mapping[str, Node]],
    places: Mapping[str, str],
    noise: int,
    spec: Spec,
    conditional: bool,
) -> Level:
    """Builds a stage whose conditions are taken as they are; `places`: keys, for messages."""
    classes = {"classes": spec.classes} if conditional else {}
    g, d, loss, regularizers = nodes
    nets = {
        name: build.module(node, places[name], shape, **classes)
        for name, node in (("g", g), ("d", d))
    }
    build.check_draws(nets["g"], places["g"])
    takes = {name: "coarse" in options(net.__call__) for name, net in nets.items()}
    if takes["g"] != (number > 1):
        what = "draws on a coarser image" if takes["g"] else "takes no coarser image"
        stages = "the first stage has none" if takes["g"] else "a finer stage needs it"
        raise UserError(
            f"{build.AT}.{places['g']}: {type(nets['g']).__name__} {what}, and {stages}; set "
            f"{build.AT}.stages.{stage.res}.g"
        )
    if takes["d"] and number == 1:
        raise UserError(
            f"{build.AT}.{places['d']}: {type(nets['d']).__name__} judges beside a coarser image, "
            f"and the first stage has none; set {build.AT}.stages.{stage.res}.d"
        )
    return Level(
        number=number, stage=stage, shape=shape,
        nets={name: pure(net) for name, net in nets.items()},
        loss=build.loss(loss, places["loss"]),
        terms=build.regularizers(regularizers, places["regularizers"]),
        noise=noise, features=0, sees=takes["d"],
    )  # fmt: skip


def _augmented(level: Level, node: Node, spec: Spec) -> Level:
    """Returns a stage whose conditions are drawn, by a net of its own."""
    at = f"{build.AT}.conditioning"
    kind = resolve(
        node, "jaxgan.nets", kind=Module, at=at, given=("classes",), takes=("features", "classes")
    )
    net: Any = kind(classes=spec.classes)
    return level._replace(nets={**level.nets, "c": pure(net)}, features=net.features)
