"""Conditions of a game: the inputs they become, what is refused, and mismatched ones."""

import jax
import jax.numpy as jnp

from jaxgan.core.game import Spec
from jaxgan.core.inputs import Code, Inputs, Label, Vector
from jaxgan.games.common.build import AT
from jaxgan.losses.auxiliary import Auxiliary
from jaxgan.runtime.errors import UserError


def check(
    spec: Spec,
    condition: str,
    matching_aware: bool,
    extra: Auxiliary | None,
    fresh_labels: bool = False,
) -> None:
    """Refuses a condition that the data do not have, or that nothing uses.

    Raises:
      UserError: the reason, in one line.
    """
    if condition not in ("", "label", "condition"):
        raise UserError(f"{AT}.condition={condition!r}: '', 'label' or 'condition'")
    if condition == "label" and spec.classes < 2:
        raise UserError(
            f"{AT}.condition=label, but the data have {spec.classes} classes; use labeled data"
        )
    if condition == "condition" and not spec.condition_dim:
        raise UserError(
            f"{AT}.condition=condition, but the data have no vectors; put a conditions.npy, or "
            "a dataset.json with lists of numbers, beside the images of a folder: source"
        )
    if matching_aware and (not condition or extra):
        raise UserError(f"{AT}.matching_aware needs a condition that d sees: set {AT}.condition")
    if fresh_labels and condition != "label":
        raise UserError(f"{AT}.fresh_labels draws labels: set {AT}.condition=label")
    if extra and extra.code is None and condition != "label":
        raise UserError(f"{AT}.auxiliary=acgan reads labels: set {AT}.condition=label")
    if extra and extra.code is not None and condition:
        raise UserError(f"{AT}.auxiliary=infogan draws its own code: set {AT}.condition=''")


def inputs(spec: Spec, condition: str, extra: Auxiliary | None) -> Inputs:
    """Declares the input `y` of a conditional game, or of one that draws a code; else nothing."""
    if extra and extra.code:
        return {"y": Code(extra.categories, extra.code)}
    if condition == "label":
        return {"y": Label(spec.classes)}
    return {"y": Vector(spec.condition_dim)} if condition else {}


def fresh(y: jax.Array, classes: int, key: jax.Array) -> jax.Array:
    """Returns other labels, uniform over the classes, of the shape and type of y (N,)."""
    return jax.random.randint(key, y.shape, 0, classes, y.dtype)


def swaps(condition: str, matching_aware: bool) -> bool:
    """Returns whether the conditions that `mismatched` gives are those of other rows."""
    return matching_aware and condition == "condition"


def mismatched(y: jax.Array, classes: int, key: jax.Array) -> jax.Array:
    """Returns another condition for each row: a different random label, or a neighbor's vector.

    Raises:
      UserError: vectors of one row, which has no other.
    """
    if jnp.issubdtype(y.dtype, jnp.integer):
        return (y + jax.random.randint(key, y.shape, 1, classes)) % classes
    if len(y) == 1:
        raise UserError(
            f"{AT}.matching_aware judges images with the vectors of others, and a batch, or a "
            "slice or a device's share of it, of one image has none; set config.batch higher"
        )
    # Neighbors trade, which moves no row between devices; of an odd number the last takes the
    # first's.
    even = len(y) // 2 * 2
    pairs = y[:even].reshape(-1, 2, *y.shape[1:])
    return jnp.concatenate([pairs[:, ::-1].reshape(y[:even].shape), y[: len(y) - even]])
