"""Loads config files, parses their arguments, and overrides their keys by flags."""

import ast
import importlib.machinery
import importlib.util
import inspect
import math
import re
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ml_collections import ConfigDict

from jaxgan.config.registry import nearest
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason, shorten, shown


def arguments(arg: str | None, **defaults: Any) -> SimpleNamespace:
    """Parses what follows the colon in --config=file.py:smoke,res=64 over an experiment's defaults.

    A bare word sets a boolean. `data=…` takes the rest of the text, commas and colons included,
    so write it last.

    Raises:
      UserError: an argument that the experiment does not have.
    """
    values = dict(defaults)
    head, is_data, data = (arg or "").partition("data=")
    if is_data and "data" not in defaults:
        raise UserError(f"--config=…:data={data}: no such argument; use --config.data.name")
    if is_data:
        values["data"] = data
    for item in filter(None, head.split(",")):
        name, has_value, text = item.partition("=")
        if name not in defaults or isinstance(defaults[name], bool) == bool(has_value):
            raise UserError(f"--config=…:{item}: no such argument{nearest(name, defaults)}")
        values[name] = _like(defaults[name], text, f"--config=…:{name}") if has_value else True
    return SimpleNamespace(**values)


def smoke(config: ConfigDict, width: int | None = None) -> ConfigDict:
    """Shortens a run to seconds: a few steps on few images, logged and saved often.

    Args:
      config: changed in place.
      width: replaces the `width` of g and d where the experiment sets one; None leaves them.

    Returns:
      The same config.
    """
    with config.ignore_type():  # steps may be a duration, as in '10epochs'
        config.steps = 6
    config.batch = min(config.batch, 8)
    log = {"every": 2, "pictures": 3, "samples": 16}
    config.update({"log": log, "checkpoint": {"every": 3}})
    for net in (config.game.g, config.game.d) if width else ():
        if isinstance(net, ConfigDict) and "width" in net:
            net.width = width
    return config


def load(text: str, flag: str = "--config=") -> ConfigDict:
    """Loads the config that a file's get_config returns.

    Args:
      text: path or path:argument.
      flag: what the text was given by, for messages.

    Raises:
      UserError: no such file, one that is no Python, whose code or get_config raises, or that
        gives no config; with the line of the file.
    """
    path, _, arg = text.partition(":")
    at = f"{flag}{shown(Path(path))}"
    try:
        found = Path(path).is_file()
    except (OSError, ValueError) as error:  # a name too long, or with a NUL
        raise UserError(f"{at}: {reason(error)}") from None
    if not found:
        if Path(path).is_dir():
            raise UserError(f"{at}: a folder; name a file in it that defines get_config(arg)")
        known = [str(p) for p in Path(path).parent.glob("*.py")]
        raise UserError(f"{at}: no such file{nearest(path, known)}")
    config = _run(at, path, lambda: _get_config(at, path, arg))
    if not isinstance(config, ConfigDict):
        kind = type(config).__name__
        raise UserError(f"{at}: get_config returns {kind}; return an ml_collections.ConfigDict")
    return config


def execute(path: Path) -> ModuleType:
    """Runs a Python file and returns its module, which is not kept under any name."""
    loader = importlib.machinery.SourceFileLoader(path.stem, str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _get_config(at: str, path: str, arg: str) -> Any:
    get_config = getattr(execute(Path(path)), "get_config", None)
    if not callable(get_config):
        raise UserError(f"{at}: the file defines no get_config(arg)")
    try:
        inspect.signature(get_config).bind(arg or None)
    except TypeError:
        raise UserError(f"{at}: its get_config takes no argument; write get_config(arg)") from None
    return get_config(arg or None)


def _run(at: str, path: str, call: Callable[[], Any]) -> Any:
    """Returns call(); whatever a config's own code raises is the user's, and names its line."""
    try:
        return call()
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(Path(path))]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
        where = f" line {line}:" if line else ""
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{at}:{where} {type(error).__name__}: {message}") from error


def override(config: ConfigDict, flags: Sequence[str]) -> None:
    """Applies flags of the form --config.optim.g.lr=1e-4, in order.

    Keys that the experiment leaves at their defaults may be set too, which ml_collections'
    config_flags refuses, and so may durations; a key that nothing reads is found when the run is
    built. --config.game.loss=hinge replaces a whole node by a name; --config.data.name=digits
    replaces the name and keeps its options.

    Raises:
      UserError: a flag of another form, or a value of another type.
    """
    for flag in flags:
        path, has_value, text = flag.partition("=")
        names = path.removeprefix("--config.").split(".")
        if not path.startswith("--config.") or not has_value or not all(names):
            raise UserError(
                f"{shorten(flag)}: not understood; write --config.some.key=value, see --help"
            )
        node = config
        with config.unlocked(), config.ignore_type():
            for name in names[:-1]:
                old = node.get(name)
                if not isinstance(old, ConfigDict):  # 'hinge' is short for {'name': 'hinge'}
                    node[name] = ConfigDict({"name": old} if isinstance(old, str) else {})
                node = node[name]
            node[names[-1]] = _like(node.get(names[-1]), text, path)


def keys(override: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Parses --override's value, comma-separated dotted keys.

    Raises:
      UserError: a key that the config does not have.
    """
    found = tuple(key.strip().removeprefix("config.") for key in override.split(","))
    for key in found:
        node: Any = config
        for part in key.split("."):
            known = list(node) if isinstance(node, Mapping) else []
            if part not in known:
                raise UserError(
                    f"--override={override}: the config has no key {key!r}{nearest(part, known)}"
                )
            node = node[part]
    return found


def _like(old: Any, text: str, at: str) -> Any:
    """Parses `text` as a value, of the type of `old` where there is one."""
    value = _literal(text, at)
    if isinstance(old, str) and not isinstance(value, dict):
        return text
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return _float(value)
    if isinstance(old, float) and text.lower().lstrip("+-") in ("inf", "nan"):
        return float(text)  # which is told what fits there
    is_duration = type(old) in (int, float) and re.fullmatch(r"[\d.]+(kimg|epochs?)", text)
    if isinstance(value, dict):
        return ConfigDict(value)
    if old is None or type(value) is type(old) or is_duration or isinstance(old, ConfigDict):
        return value
    if isinstance(old, tuple | list) and isinstance(value, tuple | list):
        return type(old)(value)
    was = f"{old!r} ({type(old).__name__})"
    raise UserError(f"{at}={shorten(text)}: expected a value like {was}")


def _literal(text: str, at: str) -> Any:
    """Parses a Python literal; what is none is text.

    Raises:
      UserError: a value that a config cannot hold.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of 1if: it is text
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        # What Python's parser raises for nests that are too deep is among them.
        return {"true": True, "false": False}.get(text.lower(), text)
    if not _is_plain(value):
        raise UserError(
            f"{at}={shorten(text)}: numbers, text, True, False, None, and lists or mappings of "
            "them by name"
        )
    return value


def _is_plain(value: Any) -> bool:
    """Whether a config can hold a value: JSON's kinds, whose keys name no further nodes."""
    if isinstance(value, dict):
        named = all(isinstance(key, str) and key and "." not in key for key in value)
        return named and all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _float(number: int) -> float:
    """Returns a whole number as a float, infinite where no float is as large."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)
