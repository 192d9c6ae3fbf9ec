"""Names in a config become functions; the other keys of the node become their arguments.

A config node is a name, or a mapping with a `name` and that function's keyword arguments:

    loss = 'hinge'
    loss = {'name': 'least_squares', 'c': 1.0}

A key that the named function does not take is an error, so no key can go unread.
"""

import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from jaxgan.runtime.errors import UserError

Node = str | Mapping[str, Any]


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean …?' when a known name is close to `name`, then the list of known names."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} known: {', '.join(known) or 'none'}"


def public(module: ModuleType) -> dict[str, Callable]:
    """The public functions and classes that a module defines itself."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    }


def options(fn: Callable, given: Iterable[str] = ()) -> set[str]:
    """The keyword arguments that a config may set on `fn`, less those the caller gives."""
    taken = {"parent", "name", "self", *given}
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(fn).parameters.values()
    return {p.name for p in parameters if p.kind in kinds} - taken


def bind(fn: Callable, node: Mapping[str, Any], *, at: str, given: Iterable[str] = ()) -> Callable:
    """`fn` with the keys of `node` bound as keyword arguments.

    Args:
      fn: a function or a Flax module class.
      node: keyword arguments from the config.
      at: where the node stands in the config, for messages: "config.optim.g".
      given: names of arguments that the caller will pass; a config may not set them.

    Raises:
      UserError: a key that `fn` does not take, or a required one that is missing.
    """
    known = options(fn, given)
    for key in node:
        if key not in known:
            raise UserError(f"{at}.{key}: {fn.__name__} has no such option{nearest(key, known)}")
    for p in inspect.signature(fn).parameters.values():
        if p.name in known and p.default is p.empty and p.name not in node:
            raise UserError(f"{at}: {fn.__name__} needs {p.name!r}; set {at}.{p.name}=…")
        if p.name in node and not _fits(node[p.name], p.annotation):
            kind = p.annotation.__name__
            raise UserError(f"{at}.{p.name}={node[p.name]!r}: {fn.__name__} takes {kind} here")
    return functools.partial(fn, **node)


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a value is of a plain annotated type; an int will do for a float, not a bool."""
    if annotation not in (int, float, bool, str):
        return True
    if isinstance(value, bool) or annotation is bool:
        return isinstance(value, bool) and annotation is bool
    return isinstance(value, (int, float) if annotation is float else annotation)


def resolve(node: Node, home: str, *, at: str, given: Iterable[str] = ()):
    """The function that a config node names, with the node's other keys bound.

    Args:
      node: "name", or a mapping with the key `name` and keyword arguments.
      home: the module that defines the names ("jaxgan.losses.adversarial"), or a package whose
        modules do ("jaxgan.nets"; then "dcgan.Generator", and a bare "x" means "x.x").
      at: where the node stands in the config, for messages.
      given: arguments that the caller will pass.

    Raises:
      UserError: an unknown name (lists the known ones) or option.
    """
    node = {"name": node} if isinstance(node, str) else dict(node)
    if "name" not in node:
        raise UserError(f"{at}: says no name; set {at}.name=…")
    name = node.pop("name")
    return bind(_lookup(name, home, at), node, at=at, given=given)


def _lookup(name: str, home: str, at: str) -> Callable:
    module = importlib.import_module(home)
    if hasattr(module, "__path__"):  # a package: the first part names one of its modules
        files = {m.name for m in pkgutil.iter_modules(module.__path__)}
        file, _, name = name.partition(".")
        if file not in files:
            raise UserError(f"{at}: no file {file!r} in {home}{nearest(file, files)}")
        module, name = importlib.import_module(f"{home}.{file}"), name or file
    known = public(module)
    if name not in known:
        raise UserError(f"{at}: no {name!r} in {module.__name__}{nearest(name, known)}")
    return known[name]
