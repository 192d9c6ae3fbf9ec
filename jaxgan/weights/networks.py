"""Finds the networks in a file's arrays, however the program that wrote them nested their names."""

from collections.abc import Mapping
from typing import Any

from jaxgan.runtime.errors import UserError
from jaxgan.weights import kinds

_ROLES = {
    **dict.fromkeys(("G_ema", "g_ema", "ema", "netG_ema", "generator_ema"), "G_ema"),
    **dict.fromkeys(("G", "g", "netG", "generator"), "G"),
    **dict.fromkeys(("D", "d", "netD", "discriminator"), "D"),
}
_WRAPPERS = ("module", "_orig_mod", "model", "state_dict")


def split(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Splits arrays into state dicts by network: G, G_ema, D, without wrappers' prefixes.

    A single generator serves as both G and G_ema.

    Raises:
      UserError: there is no generator of StyleGAN2; what there is instead.
    """
    states: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        network, rest = _place(name)
        state = states.setdefault(network, {})
        if rest in state:
            raise UserError(
                f"two arrays are {rest} of {network or 'the network'}; give one of them"
            )
        state[rest] = value
    g = states.get("G_ema") or states.get("G") or states.get("")
    if not g or not any(name.startswith(("synthesis.b", "mapping.fc")) for name in g):
        named = [name for state in (g, *states.values()) for name in state or ()]
        raise UserError(kinds.of_names(dict.fromkeys([*named, *arrays])))
    found = {"G": states.get("G", g), "G_ema": g}
    return found | ({"D": states["D"]} if "D" in states else {})


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
