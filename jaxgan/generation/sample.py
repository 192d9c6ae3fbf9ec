"""Draws samples of a game in a state, batch by batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core import inputs
from jaxgan.core.averages.power import net_of
from jaxgan.core.game import Drawn, Game, State
from jaxgan.core.inputs import Code, Inputs
from jaxgan.runtime.errors import UserError
from jaxgan.visual.raster import to_uint8

BATCH = 100  # drawn at once
COLUMNS = 10  # of a sweep


Sample = Callable[[State, Drawn, jax.Array], jax.Array]


def choose(game: Game, state: State, generator: str) -> State:
    """Returns a state whose samples are of the averaged parameters, or of the last ones.

    Args:
      game, state: as restored.
      generator: 'averaged', 'last', or '' for what `game.sample` takes: the average, if any.

    Raises:
      UserError: 'averaged' of a game that keeps no average.
    """
    check_average(game, generator)
    if generator != "last":
        return state
    return state.replace(ema={name: state.params[net_of(name)] for name in state.ema})


def check_average(game: Game, generator: str) -> None:
    """Raises UserError of 'averaged' of a game that keeps no average."""
    if generator == "averaged" and not game.ema:
        raise UserError(
            "--generator=averaged: this run keeps no average (config.game.ema is 0); leave it out"
        )


def named(game: Game, generator: str) -> str:
    """Returns which parameters `choose` takes, for protocols: 'averaged' or 'last'."""
    return "averaged" if game.ema and generator != "last" else "last"


def draw(
    game: Game,
    state: State,
    n: int,
    seed: int,
    given: Mapping[str, np.ndarray],
    sweep: int | None = None,
    sample: Sample | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draws n samples.

    Args:
      game, state: as restored.
      n: how many. seed: of the inputs.
      given: rows of columns that the game's inputs take, repeated in turn up to n; an input
        without any is the game's own draw.
      sweep: each sample becomes COLUMNS, along which this number of its condition vector goes from
        -1 to 1.
      sample: in place of the game's.

    Returns:
      uint8 images (n, H, W, C), or n * COLUMNS of a sweep, and the inputs they were drawn from;
      of games of points, float32 (n, ...).

    Raises:
      UserError: columns that the game's inputs do not take.
    """
    rows = drawn_inputs(game, n, seed, given, sweep)
    return render(game, state, rows, seed, sample), rows


def drawn_inputs(
    game: Game, n: int, seed: int, given: Mapping[str, np.ndarray], sweep: int | None = None
) -> dict[str, np.ndarray]:
    """Returns the inputs of samples; arguments and errors are those of `draw`."""
    given = {name: np.resize(rows, (n, *rows.shape[1:])) for name, rows in given.items()}
    drawn: dict[str, Any] = inputs.draw(game.inputs, _keys(seed)[0], n, given)
    if sweep is not None:
        drawn = _swept(jax.device_get(drawn), sweep)
    return {name: np.asarray(value) for name, value in drawn.items()}


def shape(
    game: Game,
    state: State,
    given: Mapping[str, np.ndarray],
    rows: Mapping[str, np.ndarray],
) -> tuple[int, ...]:
    """Returns the shape of one sample, without drawing any.

    Args:
      game, state, given: as of `draw`.
      rows: drawn inputs, or none.

    Raises:
      UserError: columns that the game's inputs do not take.
    """
    first = {name: value[:1] for name, value in given.items()}

    def one(key: jax.Array) -> jax.Array:
        drawn = {name: value[:1] for name, value in rows.items()}
        return game.sample(state, drawn or inputs.draw(game.inputs, key, 1, first), key)

    return jax.eval_shape(one, jax.random.key(0)).shape[1:]


def render(
    game: Game,
    state: State,
    drawn: Mapping[str, np.ndarray],
    seed: int,
    sample: Sample | None = None,
    *,
    uint8: bool = True,
) -> np.ndarray:
    """Returns the samples of drawn inputs, as `draw` returns them.

    Args:
      game, state, sample: as of `draw`.
      drawn: the inputs, N rows each.
      seed: of the noise that the generator itself adds.
      uint8: whether images come as bytes, else as float32, in [-1, 1].
    """
    n, key = inputs.size(drawn), _keys(seed)[1]
    compiled = jax.jit(sample or game.sample)
    size, samples = min(BATCH, n), []
    for i in range(0, n, size):
        rows = np.minimum(np.arange(i, i + size), n - 1)  # one shape, one compilation
        batch = {name: value[rows] for name, value in drawn.items()}
        made = compiled(state, batch, jax.random.fold_in(key, i))
        is_bytes = uint8 and made.ndim == 4
        samples.append(to_uint8(made) if is_bytes else np.asarray(made, np.float32))
    return np.concatenate(samples)[:n]


def batched(
    compiled: Callable[..., jax.Array], state: State, rows: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Returns compiled(state, rows), float32, for rows of any number, BATCH at a time."""
    n, made = inputs.size(rows), []
    size = min(BATCH, n)
    for i in range(0, n, size):
        own = np.minimum(np.arange(i, i + size), n - 1)  # one shape, one compilation
        part = compiled(state, {key: jnp.asarray(value[own]) for key, value in rows.items()})
        made.append(np.asarray(part, np.float32))
    return np.concatenate(made)[:n]


def render_each(
    game: Game,
    state: State,
    drawn: Mapping[str, np.ndarray],
    seeds: Sequence[int],
    sample: Sample | None = None,
    *,
    uint8: bool = True,
) -> np.ndarray:
    """Returns the samples of drawn inputs, with one seed for all or one for each row."""
    if len(seeds) == 1:
        return render(game, state, drawn, seeds[0], sample, uint8=uint8)
    sample = sample or game.sample
    each = [{name: rows[i : i + 1] for name, rows in drawn.items()} for i in range(len(seeds))]
    return np.concatenate(
        [
            render(game, state, rows, seed, sample, uint8=uint8)
            for rows, seed in zip(each, seeds, strict=True)
        ]
    )


def of_data(declared: Inputs, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the columns of a batch that inputs take their values from, as `draw` takes them.

    A code's categories are not a label of the data, so those are left to the game.
    """
    given = {}
    for field in declared.values():
        if field.column in columns and not isinstance(field, Code):
            rows = columns[field.column]
            is_pixels = rows.dtype == np.uint8
            given[field.column] = rows.astype(np.float32) / 127.5 - 1 if is_pixels else rows
    return given


def _swept(inputs: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """Repeats each row COLUMNS times, `number` of its condition vector going from -1 to 1."""
    y = inputs.get("y")
    length = 0 if y is None or y.ndim < 2 else y.shape[1]
    if not 0 <= number < length:
        raise UserError(f"--sweep={number}: this model's condition has {length} numbers, from 0")
    rows = {name: np.repeat(value, COLUMNS, axis=0) for name, value in inputs.items()}
    rows["y"][:, number] = np.tile(np.linspace(-1, 1, COLUMNS), len(y))
    return rows


def _keys(seed: int) -> jax.Array:
    """Returns the keys of the inputs and of the generator's own noise."""
    return jax.random.split(jax.random.key(seed))
