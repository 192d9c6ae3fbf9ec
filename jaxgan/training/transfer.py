"""Starts a run from the nets of another one, of the same or of other data: config.init."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array

from jaxgan.core.averages.power import net_of
from jaxgan.core.game import State
from jaxgan.parallel import mesh
from jaxgan.runtime import paths
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir

_NAMED = 5  # how many arrays a line names; the rest are counted


class Adopted(NamedTuple):
    """A state with another run's nets, and the names of the arrays that kept their own values."""

    state: State
    taken: int
    kept: list[str]


def start(state: State, init: str, seeds: int) -> tuple[State, str]:
    """Puts the nets of a run's checkpoint into a first state.

    Args:
      state: before the first step; of several seeds, stacked.
      init: config.init, the workdir of a run, 'runs/faces', or one of its steps, 'runs/faces:4000'.
      seeds: how many are stacked.

    Returns:
      The state; and a line that says what it took.

    Raises:
      UserError: no such run or step, or none of its nets' arrays fits.
    """
    path, at = _split(init)
    try:
        donor = workdir.restore(Path(path), step=at).state
    except UserError as error:
        raise UserError(f"config.init={init}: {error}") from None
    found = adopt(state, donor, seeds)
    if not found.taken:
        raise UserError(
            f"config.init={init}: no array of that run's nets has the name and shape of one of "
            f"this config's, such as {found.kept[0]}; set config.game's nets as they are there"
        )
    more = len(found.kept) - _NAMED
    listed = ", ".join(found.kept[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    line = f"nets of step {int(donor.step)} of {path}: {found.taken} arrays are taken over"
    return found.state, line + (f"; initialized anew: {listed}" if found.kept else "")


def check(init: str) -> None:
    """Refuses a config.init that names no run, before anything compiles.

    Raises:
      UserError: says so.
    """
    path = Path(_split(init)[0])
    paths.is_folder(path, "config.init")  # or a path that none can have
    try:
        workdir.read(path)
    except UserError as error:
        raise UserError(f"config.init={init}: {error}") from None


def _split(init: str) -> tuple[str, int | None]:
    """Splits 'runs/faces:4000' into the folder and the step, None where none is named."""
    path, _, step = init.rpartition(":")
    return (path, int(step)) if path and re.fullmatch(r"[0-9]{1,18}", step) else (init, None)


def adopt(state: State, donor: State, seeds: int = 1) -> Adopted:
    """Takes over parameters, statistics and averages of equal names and shapes.

    Steps, optimizers and the game's memory stay the first ones. An average that the donor does not
    keep starts at its parameters.
    """
    averages = {net: donor.ema.get(net, params) for net, params in donor.params.items()}
    averages |= {name: averages.get(net_of(name), {}) for name in state.ema if name not in averages}
    sources = {"params": donor.params, "stats": donor.stats, "ema": averages}
    taken, kept, changed = 0, [], {}
    for part, source in sources.items():
        given = {jax.tree_util.keystr(p): x for p, x in jax.tree.leaves_with_path(source)}

        def choose(path: Any, own: Array, part: str = part, given: dict[str, Array] = given) -> Any:
            nonlocal taken
            new = given.get(jax.tree_util.keystr(path))
            if new is None or new.shape != (own.shape if seeds == 1 else own.shape[1:]):
                name = jax.tree_util.keystr(path, simple=True, separator=".")
                kept.append(f"{part}.{name}")
                return own
            taken += 1
            # A copy: averages that start alike must not share what a step overwrites. By NumPy,
            # since the donor's arrays are on one device, and the run's mesh may have others.
            value = np.broadcast_to(np.array(new, own.dtype), own.shape)
            return mesh.spread(value, own.sharding)

        changed[part] = jax.tree.map_with_path(choose, getattr(state, part))
    return Adopted(state.replace(**changed), taken, kept)
