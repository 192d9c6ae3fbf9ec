"""Checks before anything compiles that a game's nets, and the memory, take what a run gives them.

Shapes alone are computed, in 0.1 s for dcgan and 1.2 s for stylegan2 on two cores.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
from jax.extend.core import Jaxpr, jaxprs_in_params

from jaxgan.core import game as core
from jaxgan.core import inputs, schedule
from jaxgan.core.game import Batch, Game, State, Turn
from jaxgan.core.growth import Growth
from jaxgan.data.source import Source
from jaxgan.runtime import capacity
from jaxgan.runtime.errors import UserError
from jaxgan.training.step import to_float, train_step


def check(
    game: Game,
    growth: Growth,
    source: Source,
    samples: int,
    seeds: int = 1,
    devices: Sequence[jax.Device] | None = None,
) -> None:
    """Evaluates each turn's loss abstractly, once for each size of batch that the run has.

    Turns that share a label are one: those of the last stage with a size stand for the others.
    Of a game that accumulates gradients, on a slice; of one played per device, on a share.
    Also the critic on as many images as diagnostics take: config.log.samples, at most a batch.
    `devices`: the run's, where they need not be here, so that their memory is not known.

    Raises:
      UserError: a net refuses the number of images, draws or judges in another shape than the
        data's, a schedule is of what must stay as it is, or the memory is too small.
    """
    key = jax.eval_shape(lambda: jax.random.key(0))
    state = jax.eval_shape(functools.partial(core.init, game), key)
    check_shapes(game, state, source, growth.batches()[-1])
    maps = 0
    for n, turns in _played(game, growth):
        parts = game.accumulate * (jax.device_count() if game.per_device else 1)
        batch = _batch(source, max(1, n // parts))
        for turn in turns:
            play = jax.make_jaxpr(functools.partial(_loss, turn), return_shape=True)
            traced, (_, passed) = play(state, batch, key)
            batch |= passed
            results = products(traced.jaxpr)
            # What a player's gradient keeps of all that its turn computes is its own nets'.
            maps = max(maps, max(results, default=0), sum(results) // 4)
    if game.now:
        schedule.check(game, game.now, lambda now: _play(now, state, source, growth, key))
    if samples < min(growth.batches()):
        try:
            jax.eval_shape(functools.partial(_critic, game), state, _batch(source, samples))
        except UserError as error:
            raise UserError(
                f"config.log.samples={samples}, which d judges as one batch: {error}"
            ) from None
    item = 4 * math.prod(source.shape)
    needs = {
        "parameters, optimizers and averages": seeds * nbytes(state),
        "gradients": nbytes(state.params),
        "images of a batch": max(growth.batches()) * item,
        "feature maps": maps,
        "pictures": seeds * samples * item,
    }
    keys = "config.batch, the nets' widths, config.data.res, config.log.samples or config.seeds"
    capacity.check(needs, keys, math.inf if devices else device_memory())


def check_shapes(game: Game, state: State, source: Source, n: int) -> None:
    """Refuses a generator whose samples have not the data's shape, and a critic without logits.

    Raises:
      UserError: both shapes.
    """
    batch = _batch(source, n)
    judged = jax.eval_shape(functools.partial(_critic, game), state, batch)
    if judged.shape != (n,):
        raise UserError(
            f"config.game.d judges {n} items by {judged.shape}; needs ({n},), a logit each"
        )
    drawn = jax.eval_shape(functools.partial(_draw, game, n), state, batch)
    wanted = batch[game.target].shape
    if drawn.shape != wanted:
        raise UserError(f"config.game.g draws items {drawn.shape[1:]}, the data are {wanted[1:]}")


def products(jaxpr: Jaxpr) -> list[int]:
    """Returns the bytes of each result of a product or convolution in a jaxpr.

    Those are written to memory; what follows element by element may be fused and is not.
    """
    found = []
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        if "conv" in name and "convert" not in name or name == "dot_general":
            found += [_size(out.aval) for out in eqn.outvars]
        inner = [each for jaxpr in jaxprs_in_params(eqn.params) for each in products(jaxpr)]
        # What is computed again is not kept: there is one at a time.
        found += [max(inner)] if name == "remat2" and inner else inner
    return found


def nbytes(tree: Any) -> int:
    """Returns the bytes of a tree of arrays, abstract or not."""
    return sum(map(_size, jax.tree.leaves(tree)))


def device_memory() -> int:
    """Returns the bytes of a device's memory; on a CPU, those that this process may use."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("bytes_limit") or capacity.memory()


def _size(array: Any) -> int:
    return math.prod(array.shape) * getattr(array.dtype, "itemsize", 4)


def _draw(game: Game, n: int, state: State, batch: Batch) -> jax.Array:
    k_inputs, k_sample = jax.random.split(jax.random.key(0))
    floats = jax.tree.map(to_float, batch)
    given = {f.column: floats[f.column] for f in game.inputs.values() if f.of_data}
    return game.sample(state, inputs.draw(game.inputs, k_inputs, n, given), k_sample)


def _batch(source: Source, n: int) -> dict[str, jax.ShapeDtypeStruct]:
    columns = source.abstract(n).items()
    return {name: jax.ShapeDtypeStruct(shape, dtype) for name, (shape, dtype) in columns}


def _play(game: Game, state: State, source: Source, growth: Growth, key: jax.Array) -> None:
    """Traces a step of all turns; of those of stages that share a label, the last one."""
    stage = growth.stages[-1]
    names = tuple({turn.label or turn.name: turn.name for turn in game.turns}.values())
    state = state.replace(step=jax.ShapeDtypeStruct((), "int32"))
    batch = _batch(source, stage.batch)
    jax.eval_shape(functools.partial(train_step, game, turns=names), state, batch, key)


def _played(game: Game, growth: Growth) -> list[tuple[int, list[Turn]]]:
    """Returns each stage's batch and turns; of stages with the same batch and labels the last's."""
    found: dict[Any, tuple[int, list[Turn]]] = {}
    for stage in growth.stages:
        turns = [
            turn
            for turn in game.turns
            if turn.span[0] <= stage.start and (turn.span[1] is None or stage.start < turn.span[1])
        ]
        labels = tuple(turn.label or turn.name for turn in turns)
        found[stage.batch, labels] = (stage.batch, turns)
    return list(found.values())


def _loss(turn: Turn, state: State, batch: Batch, key: jax.Array) -> tuple[jax.Array, Batch]:
    """Returns a turn's loss, and the columns that later turns find in their batch."""
    loss, aux = turn.loss(state.params, state, jax.tree.map(to_float, batch), key)
    return loss, aux.passed


def _critic(game: Game, state: State, batch: Batch) -> jax.Array:
    images = {**batch, "image": batch[game.target]}
    return game.critic(state, jax.tree.map(to_float, images))
