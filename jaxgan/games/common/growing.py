"""What the games of growing nets share: a turn per stage, and the critic at a stage.

How nets see a stage is in nets/layers/growing.py.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from jax import Array

from jaxgan.core.game import Batch, Nets, State, Turn
from jaxgan.core.growth import Growth, Stage
from jaxgan.core.network import Net
from jaxgan.losses.adversarial import Loss
from jaxgan.nets.layers import growing
from jaxgan.runtime.errors import UserError


class Model(Protocol):
    """What a growing game's model has: all stages, the one that trains, the critic, the loss."""

    @property
    def growth(self) -> Growth: ...  # noqa: D102
    @property
    def stage(self) -> Stage: ...  # noqa: D102
    @property
    def d(self) -> Net: ...  # noqa: D102
    @property
    def loss(self) -> Loss: ...  # noqa: D102


M = TypeVar("M")


def turns(
    growth: Growth, at_stage: Callable[[Stage], M], losses: Mapping[str, Callable[..., Any]]
) -> tuple[Turn, ...]:
    """Returns a turn of each player for each stage, as <player>_<res>; its metrics are <player>'s.

    Each stage has turns of its own because its shapes are its own.

    Args:
      growth: the stages.
      at_stage: stage -> the game's model at that stage.
      losses: player -> loss(model, params, state, batch, key), in the order of play.

    Raises:
      UserError: stages that do not double one after the other.
    """
    for before, after in pairwise(growth.stages):
        if after.res != 2 * before.res or after.start == before.start:
            raise UserError(
                "config.growth: nets that grow double, one resolution after the other; factor and "
                "together are for the game pyramid"
            )
    return tuple(
        Turn(
            f"{player}_{stage.res}",
            player,
            partial(loss, at_stage(stage)),
            span=(stage.start, stage.stop),
            label=player,
        )
        for stage in growth.stages
        for player, loss in losses.items()
    )


def judge(model: Model, params: Nets, state: State, x: Array) -> Array:
    """d's logits (N,) of images (N, res, res, C) of the model's stage, in training."""
    at = growing.for_stage(model.stage, state.step)
    return model.d(params["d"], state.stats["d"], x, None, *at, train=True)


def g_terms(
    model: Model, params: Nets, state: State, batch: Batch, fakes: Array
) -> tuple[Array, dict[str, Array]]:
    """The mean of the loss's terms on fake images of the model's stage, and their mean score."""
    fake = real = judge(model, params, state, fakes)
    if model.loss.paired:
        real = judge(model, params, state, growing.reals(batch["image"], model.stage, state.step))
    return model.loss.g(real, fake).mean(), {"fake": model.loss.score(fake).mean()}


def critic(model: Model, state: State, batch: Batch) -> Array:
    """d's logits (N,) of images at the last resolution, through what has grown so far."""
    at = growing.for_all_stages(model.growth, state.step)
    own = state.params["d"], state.stats["d"]
    return model.d(*own, batch["image"], None, *at, train=False)
