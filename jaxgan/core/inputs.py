"""The inputs that a game samples from, declared by name and drawn alike by all that sample.

A game says what its generator takes, as in {"z": Noise(100), "y": Label(10)}. Whatever draws
samples (training's pictures, the sampler, metrics) asks that declaration, never the game's name.
A field may take its values from a column of the data, its `column`, or of the user's.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.core.keys import named
from jaxgan.runtime.errors import UserError


@dataclasses.dataclass(frozen=True)
class Noise:
    """A latent (N, dim) ~ N(0, I); above 0, numbers beyond `truncation` are drawn again."""

    dim: int
    truncation: float = 0.0
    column: ClassVar[str] = ""
    of_data: ClassVar[bool] = False

    def draw(self, key: Array, n: int, rows: Array | None) -> Array:
        """Returns n latents; noise is never given."""
        del rows
        if self.truncation:  # the distribution that drawing again leads to
            ends = -self.truncation, self.truncation
            return jax.random.truncated_normal(key, *ends, (n, self.dim))
        return jax.random.normal(key, (n, self.dim))

    def check(self, rows: Array) -> None:
        """Accepts anything: no column holds noise."""


@dataclasses.dataclass(frozen=True)
class Label:
    """A class (N,) int32, below `classes`; without rows, 0, 1, 2 and so on in turn."""

    classes: int
    column: ClassVar[str] = "label"
    of_data: ClassVar[bool] = False

    def draw(self, key: Array, n: int, rows: Array | None) -> Array:
        """Returns the rows, else the classes in turn."""
        del key
        return jnp.arange(n) % self.classes if rows is None else rows

    def check(self, rows: Array) -> None:
        """Refuses labels out of range.

        Raises:
          UserError: the range, in one line.
        """
        _check_range(rows, self.classes)


@dataclasses.dataclass(frozen=True)
class Code:
    """A code (N, D) drawn by the game, InfoGAN's; rows are its categories (N,)."""

    categories: int
    make: Callable[[Array, int, Array | None], Array]
    column: ClassVar[str] = "label"
    of_data: ClassVar[bool] = False

    def draw(self, key: Array, n: int, rows: Array | None) -> Array:
        """Returns n codes, of the given categories where there are any."""
        return self.make(key, n, rows)

    def check(self, rows: Array) -> None:
        """Refuses categories out of range.

        Raises:
          UserError: the range, in one line.
        """
        _check_range(rows, self.categories)


@dataclasses.dataclass(frozen=True)
class Vector:
    """A condition vector (N, dim); without rows, 0."""

    dim: int
    column: ClassVar[str] = "condition"
    of_data: ClassVar[bool] = True

    def draw(self, key: Array, n: int, rows: Array | None) -> Array:
        """Returns the rows, else zeros."""
        del key
        return jnp.zeros((n, self.dim)) if rows is None else rows

    def check(self, rows: Array) -> None:
        """Refuses vectors of another length.

        Raises:
          UserError: both lengths, in one line.
        """
        if rows.shape[1] != self.dim:
            raise UserError(f"conditions of length {rows.shape[1]}: this model takes {self.dim}")


@dataclasses.dataclass(frozen=True)
class Image:
    """Images (N, *shape) in [-1, 1] to translate, of a column of the data; they must be given."""

    shape: tuple[int, ...]
    column: str = "image"
    of_data: ClassVar[bool] = True

    def draw(self, key: Array, n: int, rows: Array | None) -> Array:
        """Returns the rows.

        Raises:
          UserError: there are none.
        """
        del key, n
        if rows is None:
            raise UserError("this model draws from images; pass them, as in --images=FILE.npy")
        return rows

    def check(self, rows: Array) -> None:
        """Refuses images of another shape.

        Raises:
          UserError: both shapes, in one line.
        """
        if rows.shape[1:] != self.shape:
            shape, own = ("x".join(map(str, each)) for each in (rows.shape[1:], self.shape))
            raise UserError(f"images of {shape}: this model takes {own}")


Field = Noise | Label | Code | Vector | Image
Inputs = Mapping[str, Field]
Columns = Mapping[str, Array]  # "label", "condition", "image"
NONE: Columns = {}
_TAKES = {"label": "labels", "condition": "vectors", "image": "images"}


def draw(inputs: Inputs, key: Array, n: int, given: Columns = NONE) -> dict[str, Array]:
    """Draws what `Game.sample` turns into n samples.

    Args:
      inputs: a game's declaration.
      key: each field draws from a key of its own, by its name.
      n: how many.
      given: rows (n, ...) of columns that fields take their values from.

    Raises:
      UserError: a column that no field takes, or rows that do not fit its field.
    """
    check(inputs, given)
    return {
        name: field.draw(named(key, name), n, given.get(field.column))
        for name, field in inputs.items()
    }


def check(inputs: Inputs, given: Columns) -> None:
    """Refuses columns that no field takes, and rows that do not fit.

    Raises:
      UserError: the reason, in one line.
    """
    columns = dict.fromkeys(field.column for field in inputs.values() if field.column)
    for column, rows in given.items():
        if column not in columns:
            takes = " and ".join(_TAKES.get(each, each) for each in columns)
            raise UserError(
                f"no {column} can be drawn: this model takes "
                f"{takes or 'neither labels nor conditions'}"
            )
        for field in inputs.values():
            if field.column == column:
                field.check(rows)


def size(drawn: Mapping[str, Array]) -> int:
    """Returns how many samples the drawn inputs make: the length of any of them."""
    return len(next(iter(drawn.values())))


def _check_range(rows: Array, n: int) -> None:
    low, high = int(rows.min()), int(rows.max())
    if low < 0 or high >= n:
        raise UserError(f"labels {low} to {high}: this model takes 0 to {n - 1}")
