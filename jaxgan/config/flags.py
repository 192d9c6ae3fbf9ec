"""Loads config files, parses their arguments, and overrides their keys by flags."""

import ast
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ml_collections import ConfigDict

from jaxgan.config.registry import nearest
from jaxgan.runtime.errors import UserError


def arguments(arg: str | None, **defaults: Any) -> SimpleNamespace:
    """Parses what follows the colon in --config=file.py:smoke,res=64 over an experiment's defaults.

    A bare word sets a boolean. `data=…` takes the rest of the text, commas and colons included,
    so write it last.

    Raises:
      UserError: an argument that the experiment does not have.
    """
    values = dict(defaults)
    head, is_data, data = (arg or "").partition("data=")
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


def load(text: str) -> ConfigDict:
    """Loads the config that a file's get_config returns; `text` is path or path:argument.

    Raises:
      UserError: no such file, or it has no get_config.
    """
    path, _, arg = text.partition(":")
    if not Path(path).is_file():
        known = [str(p) for p in Path(path).parent.glob("*.py")]
        raise UserError(f"--config={path}: no such file{nearest(path, known)}")
    module = execute(Path(path))
    if not hasattr(module, "get_config"):
        raise UserError(f"--config={path}: the file defines no get_config(arg)")
    return module.get_config(arg or None)


def execute(path: Path) -> ModuleType:
    """Runs a Python file and returns its module, which is not kept under any name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
        if not path.startswith("--config.") or not has_value:
            raise UserError(f"{flag}: not understood; write --config.some.key=value, see --help")
        *parents, last = path.removeprefix("--config.").split(".")
        node = config
        with config.unlocked(), config.ignore_type():
            for name in parents:
                old = node.get(name)
                if not isinstance(old, ConfigDict):  # 'hinge' is short for {'name': 'hinge'}
                    node[name] = ConfigDict({"name": old} if isinstance(old, str) else {})
                node = node[name]
            node[last] = _like(node.get(last), text, path)


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
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(old, str) and not isinstance(value, dict):
        return text
    if isinstance(old, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    is_duration = type(old) in (int, float) and re.fullmatch(r"[\d.]+(kimg|epochs?)", text)
    if isinstance(value, dict):
        return ConfigDict(value)
    if old is None or type(value) is type(old) or is_duration or isinstance(old, ConfigDict):
        return value
    if isinstance(old, tuple | list) and isinstance(value, tuple | list):
        return type(old)(value)
    raise UserError(f"{at}={text}: expected a value like {old!r} ({type(old).__name__})")
