"""Checks before anything compiles that a game's nets take every batch that a run gives them."""

import functools

import jax

from jaxgan.core import game as core
from jaxgan.core.game import Batch, Game, State, Turn
from jaxgan.core.growth import Growth
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError
from jaxgan.training.step import to_float


def check(game: Game, growth: Growth, source: Source, samples: int) -> None:
    """Evaluates each turn's loss abstractly, once for each size of batch that the run has.

    Also the critic on as many images as diagnostics take: config.log.samples, at most a batch.
    Shapes alone are computed, in 0.1 s for dcgan and 1.2 s for stylegan2 on two cores.

    Raises:
      UserError: a net refuses the number of images.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(functools.partial(core.init, game), key)
    for n, stage in {stage.batch: stage for stage in growth.stages}.items():
        for turn in game.turns:
            start, stop = turn.span
            if start <= stage.start and (stop is None or stage.start < stop):
                jax.eval_shape(functools.partial(_loss, turn), state, _batch(source, n), key)
    if samples < min(growth.batches()):
        try:
            jax.eval_shape(functools.partial(_critic, game), state, _batch(source, samples))
        except UserError as error:
            raise UserError(
                f"config.log.samples={samples}, which d judges as one batch: {error}"
            ) from None


def _batch(source: Source, n: int) -> dict[str, jax.ShapeDtypeStruct]:
    columns = source.abstract(n).items()
    return {name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in columns}


def _loss(turn: Turn, state: State, batch: Batch, key: jax.Array) -> jax.Array:
    return turn.loss(state.params, state, jax.tree.map(to_float, batch), key)[0]


def _critic(game: Game, state: State, batch: Batch) -> jax.Array:
    return game.critic(state, jax.tree.map(to_float, batch))
