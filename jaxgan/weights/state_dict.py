"""Finds networks among a file's arrays, and checks them before anything is made of them."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.weights import kinds

StateDict = Mapping[str, np.ndarray]

OTHER = "; only networks of stylegan2-ada-pytorch can be read"
_ROLES = {
    **dict.fromkeys(("G_ema", "g_ema", "ema", "netG_ema", "generator_ema"), "G_ema"),
    **dict.fromkeys(("G", "g", "netG", "generator"), "G"),
    **dict.fromkeys(("D", "d", "netD", "discriminator"), "D"),
}
_WRAPPERS = ("module", "_orig_mod", "model", "Model", "state_dict")
_MOST_TAPS = 64
_MOST_LAYERS = 64  # of a mapping; the published have 8


def split(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Splits arrays into state dicts by network: G, G_ema, D, without wrappers' prefixes.

    A single generator serves as both G and G_ema.

    Raises:
      UserError: there is no generator of StyleGAN2; what there is instead.
    """
    states = networks(arrays)
    g = states.get("G_ema") or states.get("G") or states.get("")
    if not g or not any(name.startswith(("synthesis.b", "mapping.fc")) for name in g):
        named = [name for state in (g, *states.values()) for name in state or ()]
        raise UserError(kinds.of_names(dict.fromkeys([*named, *arrays])))
    found = {"G": states.get("G", g), "G_ema": g}
    return found | ({"D": states["D"]} if "D" in states else {})


def networks(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Splits arrays by network, G, G_ema, D, '' where names tell none, without wrappers' prefixes.

    Raises:
      UserError: two arrays of one name.
    """
    states: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        network, rest = _place(name)
        state = states.setdefault(network, {})
        if rest in state:
            of = brief(network) or "the network"
            raise UserError(f"two arrays are {brief(rest)} of {of}; give one of them")
        state[rest] = value
    return states


class Shapes:
    """The shapes of a network's arrays, as those that read options from them need them."""

    def __init__(self, kind: str, state: StateDict):
        """Takes 'generator' or 'discriminator', for messages, and the arrays."""
        self._kind, self._state = kind, state

    def of(self, name: str, axes: int) -> tuple[int, ...]:
        """Returns an array's shape; raises UserError unless it has these axes, none empty."""
        shape = np.shape(self._state[name]) if name in self._state else ()
        if name not in self._state:
            raise self.refused(f"it has no {name}")
        if len(shape) != axes or 0 in shape:
            raise self.refused(f"it has no {name} of {axes} axes, but one of shape {shape}")
        return shape

    def sizes(self, prefix: str) -> list[int]:
        """Returns the sizes of blocks, doubling from 4; raises UserError for others."""
        matches = (re.match(rf"{prefix}b(\d{{1,4}})\.", name, re.ASCII) for name in self._state)
        found = sorted({int(match[1]) for match in matches if match})
        if found != [4 * 2**i for i in range(len(found))] or len(found) < 2:
            listed = ", ".join(map(str, found[:12])) or "none"
            raise self.refused(f"its blocks are not of 4, 8, … pixels, but {listed}")
        return found

    def layers(self) -> int:
        """Returns the number of dense layers of the mapping."""
        known = (f"mapping.fc{i}.weight" for i in range(_MOST_LAYERS + 1))
        found = sum(name in self._state for name in known)
        every = sum(
            name.startswith("mapping.fc") and name.endswith(".weight") for name in self._state
        )
        if found != every or found > _MOST_LAYERS:
            raise self.refused(f"its mapping has {every} layers")
        return found

    def classes(self) -> int:
        """Returns the size of the labels, 0 without."""
        name = "mapping.embed.weight"
        return self.of(name, 2)[1] if name in self._state else 0

    def taps(self, first: str) -> tuple[float, ...]:
        """Returns the filter that all blocks resample by, scaled to a first tap of 1.

        Args:
          first: the name of one of its 2-D forms, an outer product of the filter with itself.

        Raises:
          UserError: it is none, or not the same in all blocks.
        """
        self.of(first, np.ndim(self._state.get(first, 0)) or 2)
        f = np.asarray(self._state[first], np.float64)
        square = f.ndim <= 2 and len(set(f.shape)) == 1 and len(f) <= _MOST_TAPS
        if not square or not np.isfinite(f).all():
            raise UserError(f"resample_filter of shape {f.shape} is no filter of finite numbers")
        row = f.sum(axis=0) if f.ndim == 2 else f
        if f.ndim == 2 and not np.allclose(np.outer(row, row), f * f.sum(), atol=1e-6):
            raise UserError("resample_filter is not the outer product of a filter with itself")
        if abs(row[0]) < 1e-6 * np.abs(row).max() or row[0] == 0:
            raise UserError("resample_filter begins with a tap of 0; no such filter is applied")
        for name, value in self._state.items():
            if name.endswith("resample_filter") and not np.array_equal(value, self._state[first]):
                raise UserError(f"{brief(name)} differs from {first}; one filter is applied to all")
        return tuple(float(tap) for tap in row / row[0])

    def refused(self, why: str) -> UserError:
        """Returns the error of arrays that are another network's."""
        return UserError(f"not a StyleGAN2 {self._kind}: {why}{OTHER}")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the file of weights before the message of a UserError that is raised within."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{shown(path)}: {error}") from None


def brief(name: str) -> str:
    """Returns an array's name for one line of a terminal, cut where it is long."""
    return shown(name if len(name) <= 80 else f"{name[:79]}…")


def checked(state: StateDict) -> dict[str, np.ndarray]:
    """Returns a network's arrays as float32.

    Raises:
      UserError: one that holds no real floats, or values that are not finite in float32; its name.
    """
    return {name: _floats(name, value) for name, value in state.items()}


def _floats(name: str, value: np.ndarray) -> np.ndarray:
    if value.dtype.kind != "f" and value.dtype != ml_dtypes.bfloat16:
        raise UserError(f"{brief(name)} holds {value.dtype}, not floats")
    with np.errstate(over="ignore", invalid="ignore"):
        floats = value.astype(np.float32, copy=False)
    if not np.isfinite(floats).all():
        raise UserError(f"{brief(name)} has values that are not finite; give other weights")
    return floats


def _place(name: str) -> tuple[str, str]:
    """Returns the network of an array's name, '' if it tells none, and its name in the network."""
    path, _, rest = name.rpartition("/")
    role = ""
    for part in path.split("/") if path else ():
        if part not in _ROLES and part not in _WRAPPERS:
            return path, rest
        role = _ROLES.get(part, role)
    while True:
        first, dot, inner = rest.partition(".")
        if not dot or (first not in _ROLES and first not in _WRAPPERS):
            return role, rest
        role, rest = _ROLES.get(first, role), inner
