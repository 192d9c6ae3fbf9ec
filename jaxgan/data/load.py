"""From a name in a config to a `Source`."""

import importlib
import inspect

from jaxgan.config.registry import bind, nearest
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError

# Source -> its module. Modules are imported on use, so that --help pays for none of them.
_MODULES = {
    "array": "array",
    "digits": "embedded",
    "folder": "folder",
    "grid": "toy",
    "mnist": "embedded",
    "moons": "toy",
    "photos": "embedded",
    "ring": "toy",
    "swiss_roll": "toy",
    "tfds": "tfds",
}


def load(name: str, **options: object) -> Source:
    """Opens the data set `name`: 'mnist', or a source and its path as in 'folder:/path'.

    Args:
        name: a source, and after the first ':' its path if it takes one.
        **options: keyword arguments of that source.

    Raises:
        UserError: an unknown source or option, a path or option missing or too many, or data
            that the source refuses.
    """
    kind, _, path = name.partition(":")
    if kind not in _MODULES:
        raise UserError(f"config.data.name: no source {kind!r}{nearest(kind, _MODULES)}")
    source = getattr(importlib.import_module(f"jaxgan.data.sources.{_MODULES[kind]}"), kind)
    takes_path = "path" in inspect.signature(source).parameters
    if takes_path != bool(path):
        raise UserError(
            f"config.data.name={name}: {kind} takes "
            + (f"a path; write {kind}:…" if takes_path else f"no path; write {kind}")
        )
    given = ("path",) if takes_path else ()
    opened = bind(source, options, at="config.data", given=given)
    return opened(path) if takes_path else opened()
