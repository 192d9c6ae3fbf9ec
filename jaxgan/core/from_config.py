"""Builds the game that a config describes."""

import functools
from collections.abc import Mapping

import jax

from jaxgan.config.registry import Node, as_mapping, options, resolve
from jaxgan.core import game as core
from jaxgan.core import schedule
from jaxgan.core.averages.kept import warming
from jaxgan.core.game import Game, Spec
from jaxgan.core.growth import Growth, fixed
from jaxgan.core.optim import Optim
from jaxgan.core.precision import Precision, computed
from jaxgan.runtime.errors import UserError


def make_game(
    game: Node,
    optim: Mapping[str, Node],
    *,
    spec: Spec,
    steps: int,
    growth: Growth | None = None,
    precision: Precision = "default",
    warm: bool = False,
) -> Game:
    """Builds the game under config.game with its players' optimizers under config.optim.

    Args:
      game, optim: the config's nodes.
      spec: the shape of the data.
      steps: the run's length, over which learning rates decay.
      growth: the run's stages, where it has several.
      precision: at which all that the game computes is computed, see core.precision.
      warm: whether averages warm up.

    Raises:
      UserError: an unknown name or option, or parts that do not fit together.
    """
    stages = growth or fixed(spec.shape[0], 0)
    build = functools.partial(
        _build, spec=spec, steps=steps, stages=stages, precision=precision, warm=warm
    )
    nodes = {"game": as_mapping(game, "config.game"), "optim": optim}
    now = schedule.Now(lambda nodes: build(**nodes), nodes, stages)
    built = now.first()
    jax.eval_shape(lambda: core.init(built, jax.random.key(0)))  # nets that do not fit say so here
    return built._replace(now=now) if now.schedules else built


def _build(
    game: Node,
    optim: Mapping[str, Node],
    spec: Spec,
    steps: int,
    stages: Growth,
    precision: Precision,
    warm: bool,
) -> Game:
    """Builds the game; numbers with schedules are as they are at one time."""
    chains = Optim(optim, steps, stages)
    build = resolve(
        game,
        "jaxgan.games",
        kind=Game,
        at="config.game",
        given=("spec", "optim", "growth"),
        takes=("spec", "optim"),
    )
    grows = "growth" in options(build.func)
    if len(stages.stages) > 1 and not grows:
        raise UserError(
            f"config.growth: the game {build.func.__name__} does not grow; progressive does"
        )
    built = computed(build(spec, chains, *([stages] if grows else [])), precision)
    chains.check_all_made()
    return warming(built) if warm else built
