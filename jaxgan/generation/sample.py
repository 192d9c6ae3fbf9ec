"""Draws samples of a game in a state, batch by batch."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from jaxgan.core import inputs
from jaxgan.core.game import Drawn, Game, State
from jaxgan.core.inputs import Code, Inputs
from jaxgan.runtime.errors import UserError
from jaxgan.visual.grid import to_uint8

BATCH = 100  # drawn at once
COLUMNS = 10  # of a sweep


Sample = Callable[[State, Drawn, jax.Array], jax.Array]


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
      uint8 images (n, H, W, C), or n * COLUMNS of a sweep, and the inputs they were drawn from.

    Raises:
      UserError: columns that the game's inputs do not take.
    """
    k_inputs, k_sample = jax.random.split(jax.random.key(seed))
    given = {name: np.resize(rows, (n, *rows.shape[1:])) for name, rows in given.items()}
    drawn: dict[str, Any] = inputs.draw(game.inputs, k_inputs, n, given)
    if sweep is not None:
        drawn, n = _swept(jax.device_get(drawn), sweep), n * COLUMNS
    compiled = jax.jit(sample or game.sample)
    images = []
    for i in range(0, n, BATCH):
        rows = np.minimum(np.arange(i, i + BATCH), n - 1)  # one shape, one compilation
        batch = {name: value[rows] for name, value in drawn.items()}
        images.append(to_uint8(compiled(state, batch, jax.random.fold_in(k_sample, i))))
    return np.concatenate(images)[:n], {name: np.asarray(v) for name, v in drawn.items()}


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
