"""Resolves names in a config to functions, and the other keys of a node to their arguments.

A config node is a name, or a mapping with a `name` and that function's keyword arguments:

    loss = 'hinge'
    loss = {'name': 'least_squares', 'c': 1.0}

A key that the named function does not take is an error, so no key can go unread; so is a value that
does not fit the annotation of its parameter, see `kinds`.
"""

import ast
import difflib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxgan.config import kinds
from jaxgan.config.schedules import Moving
from jaxgan.runtime.errors import UserError

Node = str | Mapping[str, Any]


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns '; did you mean …?' where a known name is close, then the list of known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name[:100], names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return f"{hint} known: {', '.join(names) or 'none'}"


def options(fn: Callable, given: Iterable[str] = ()) -> set[str]:
    """Returns the keyword arguments that a config may set on `fn`, without the caller's."""
    taken = {"parent", "name", "self", *given}
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(fn).parameters.values()
    return {p.name for p in parameters if p.kind in kinds} - taken


def bind(fn: Callable, node: Any, *, at: str, given: Iterable[str] = ()) -> functools.partial[Any]:
    """Binds the keys of `node` to `fn` as keyword arguments, each of the kind that `fn` says.

    Args:
      fn: a function or a Flax module class; annotations of its parameters are `kinds`.
      node: keyword arguments from the config.
      at: where the node stands in the config, for messages: "config.optim.g".
      given: names of arguments that the caller will pass; a config may not set them.

    Raises:
      UserError: a node that is no mapping, a key that `fn` does not take, a required one that is
        missing, or a value that does not fit its annotation.
    """
    if not isinstance(node, Mapping):
        raise UserError(f"{at}={kinds.shown(node)}: options by name, as {at}.KEY=VALUE")
    known, bound = options(fn, given), {}
    for key in node:
        if key not in known:
            raise UserError(f"{at}.{key}: {fn.__name__} has no such option{nearest(key, known)}")
    for p in inspect.signature(fn).parameters.values():
        if p.name in known and p.default is p.empty and p.name not in node:
            raise UserError(f"{at}: {fn.__name__} needs {p.name!r}; set {at}.{p.name}=…")
        if p.name in node:
            value = node[p.name]
            if text := kinds.misfit(value, p.annotation, f"{at}.{p.name}"):
                raise UserError(text)
            if inspect.isclass(fn) and isinstance(value, Moving):
                # A net is applied outside of the run too, where nothing moves.
                raise UserError(f"{at}.{p.name}: {kinds.words(p.annotation)}, which {kinds.STAYS}")
            bound[p.name] = kinds.now(value, p.annotation)
    return functools.partial(fn, **bound)


def resolve(
    node: Node,
    home: str,
    *,
    kind: Any,
    at: str,
    given: Iterable[str] = (),
    takes: Iterable[str] = (),
) -> functools.partial[Any]:
    """Returns the function that a config node names, with the node's other keys bound.

    Args:
      node: "name", or a mapping with the key `name` and keyword arguments.
      home: the package or module whose functions are offered ("jaxgan.losses"). Of a package,
        "file.name" names a function of one file, "name" alone a function of any.
      kind: what can stand there: functions annotated to return it, or its subclasses.
      at: where the node stands in the config, for messages.
      given: arguments that the caller will pass.
      takes: arguments that whatever is offered must take.

    Raises:
      UserError: an unknown name (lists the known ones) or option.
    """
    node = as_mapping(node, at)
    if not isinstance(node.get("name"), str):
        raise UserError(f"{at}: no name given; set {at}.name=…")
    found = _lookup(node.pop("name"), home, kind, tuple(takes), at)
    return bind(found, node, at=at, given=given)


def as_mapping(node: Any, at: str) -> dict[str, Any]:
    """Returns a node as a mapping; a name alone stands for {'name': name}.

    Raises:
      UserError: the node is neither a name nor a mapping.
    """
    if isinstance(node, str):
        return {"name": node}
    if not isinstance(node, Mapping):
        raise UserError(
            f"{at}={kinds.shown(node)}: expected a name, or a mapping with a name and options"
        )
    return dict(node)


def offered(module: ModuleType, kind: Any, takes: Iterable[str] = ()) -> dict[str, Callable]:
    """Returns the public functions of a module that return `kind`, or its subclasses of it."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
        and _stands_for(value, kind)
        and set(takes) <= options(value)
    }


def files(package: str) -> dict[str, str]:
    """Returns a package's modules, each with its docstring's first line; imports none of them."""
    found = {}
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not info.ispkg and not info.name.startswith("_"):
            path = Path(info.module_finder.path) / f"{info.name}.py"
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            found[info.name] = text.partition("\n")[0]
    return found


def _stands_for(value: Any, kind: Any) -> bool:
    if inspect.isclass(value):
        return inspect.isclass(kind) and issubclass(value, kind) and value is not kind
    return inspect.signature(value).return_annotation == kind


def _modules(home: str) -> dict[str, str]:
    """Returns a package's modules by file, and those of the folders that its FOLDERS lists."""
    folders = getattr(importlib.import_module(home), "FOLDERS", ())
    places = (*(f"{home}.{folder}" for folder in folders), home)
    return {name: f"{place}.{name}" for place in places for name in files(place)}


def _lookup(name: str, home: str, kind: Any, takes: tuple[str, ...], at: str) -> Callable:
    package = importlib.import_module(home)
    file, _, leaf = name.rpartition(".")
    if not hasattr(package, "__path__"):
        modules, leaf = [package], name
    elif file:
        known = _modules(home)
        if file not in known:
            raise UserError(f"{at}: no file {file!r} in {home}{nearest(file, known)}")
        modules = [importlib.import_module(known[file])]
    else:
        modules = [importlib.import_module(each) for each in _modules(home).values()]
    choices = {module.__name__: offered(module, kind, takes) for module in modules}
    found = [each[leaf] for each in choices.values() if leaf in each]
    if not found:
        where = modules[0].__name__ if file else home
        known = {each for names in choices.values() for each in names}
        raise UserError(f"{at}: no {leaf!r} in {where}{nearest(leaf, known)}")
    if len(found) > 1:
        both = " or ".join(f"{each.__module__.rpartition('.')[2]}.{leaf}" for each in found)
        raise UserError(f"{at}: {leaf!r} is ambiguous; write {both}")
    return found[0]
