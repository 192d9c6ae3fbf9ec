"""What a critic judges: samples or real items, with their classes."""

from collections.abc import Sequence

import numpy as np

from jaxgan.core.inputs import Inputs, Label, Vector
from jaxgan.runtime.errors import UserError
from jaxgan.visual.raster import to_floats


def rows(
    declared: Inputs,
    shape: Sequence[int],
    images: np.ndarray,
    labels: np.ndarray | None = None,
    conditions: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Returns the batch that `Game.critic` takes, N rows a column; labels are taken in rotation.

    Raises:
      UserError: images, labels or conditions that do not fit.
    """
    x = to_floats(images)
    if x.shape[1:] != tuple(shape) or not len(x):
        want = ", ".join(map(str, shape))
        raise UserError(f"images of shape {np.shape(images)}: the critic takes (N, {want})")
    found = {"image": x}
    for column, kind, given in (("label", Label, labels), ("condition", Vector, conditions)):
        if given is None:
            continue
        given = np.asarray(given, np.int32 if column == "label" else np.float32)
        for field in declared.values():
            if isinstance(field, kind):
                field.check(given)
        found[column] = np.resize(given, (len(x), *given.shape[1:]))
    return found


def lacking(error: KeyError) -> Exception:
    """Returns what to raise where a critic found no labels or conditions, else the error."""
    if error.args[:1] not in (("label",), ("condition",)):
        return error
    name = error.args[0]
    return UserError(f"this run's critic judges an image together with its {name}: pass {name}s")
