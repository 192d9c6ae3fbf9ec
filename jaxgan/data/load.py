"""From a name in a config to a `Source`."""

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable

from jaxgan.data.source import Source
from jaxgan.errors import UserError

# Source -> its module. Modules are imported on use, so that --help pays for none of them.
_MODULES = {
    "array": "array",
    "digits": "embedded",
    "folder": "folder",
    "mnist": "embedded",
    "photos": "embedded",
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
        raise UserError(
            f"data: no source {kind!r}{_nearest(kind, _MODULES)} known: {', '.join(_MODULES)}"
        )
    source = getattr(importlib.import_module(f"jaxgan.data.{_MODULES[kind]}"), kind)
    takes_path = "path" in inspect.signature(source).parameters
    if takes_path and not path:
        raise UserError(f"data: {kind} needs a path; write '{kind}:...' with it after the colon")
    if path and not takes_path:
        raise UserError(f"data: {kind} takes no path; write '{kind}' alone, without {path!r}")
    _check_options(kind, source, options)
    return source(path, **options) if takes_path else source(**options)


def _check_options(kind: str, source: Callable[..., Source], options: dict[str, object]) -> None:
    """Raises UserError if `options` has a name that `source` does not take, or lacks one."""
    takes = {k: p for k, p in inspect.signature(source).parameters.items() if k != "path"}
    for option in options:
        if option not in takes:
            raise UserError(
                f"data: {option!r} is not an option of {kind}{_nearest(option, takes)} "
                f"it takes: {', '.join(takes)}"
            )
    for option, parameter in takes.items():
        if parameter.default is parameter.empty and option not in options:
            raise UserError(f"data: {kind} needs {option}; set it among the data options")


def _nearest(word: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?", or ";" if nothing known is like `word`."""
    # Few names, short ones: a low cutoff still helps with 'szie' for 'res'.
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.25)
    return f"; did you mean {close[0]!r}?" if close else ";"
