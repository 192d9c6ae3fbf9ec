"""The config of a run that weights are converted to: what it must be, and config.py's source.

What a stranger's file says gets into that source only as literals, and what was written is read
back before it is kept: its name, its sizes and its options are data there, and cannot be code.
"""

import ast
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from jaxgan.config.kinds import misfit
from jaxgan.config.registry import as_mapping, bind, resolve
from jaxgan.core import growth
from jaxgan.core.game import Spec
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError
from jaxgan.training import setup

_SOURCE = '''"""A run that jaxgan.convert made of published weights."""

from ml_collections import ConfigDict

WEIGHTS = {weights}
BASE = {base}  # sets what the weights do not
CONFIG = {config}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the run that this folder holds."""
    del arg
    return ConfigDict(CONFIG)
'''
_LARGEST = 2**31


class Described(NamedTuple):
    """What files of weights are: the run that they become, at step 0.

    config: of the run. spec: of its data. trees: by part of a state, 'params' and others, what they
    replace of it. fixed: the config's keys that the weights determine, with their values. line:
    what the user is told of the nets. missing: nets that have no weights yet, see workdir.Record.
    """

    config: dict[str, Any]
    spec: Spec
    trees: Mapping[str, Mapping[str, Any]]
    fixed: Mapping[str, Any]
    line: str
    missing: tuple[str, ...] = ()


def check(config: Mapping[str, Any]) -> None:
    """Checks what a config says beside its nets, before anything is made of it.

    Raises:
      UserError: a key that nothing reads, or a value that no run can have.
    """
    bind(setup.prepare, config, at="config", given=setup.GIVEN)
    if config.get("seeds", 1) != 1 or config.get("growth"):
        key = "growth" if config.get("growth") else "seeds"
        raise UserError(f"config.{key}={config[key]!r}: weights become one run; leave it out")
    _check_data(dict(config["data"]))
    stages = growth.fixed(4, config["batch"])
    _check_duration(config["steps"], stages)
    for kind, key in ((setup.Log, "log"), (setup.Save, "checkpoint")):
        for name in ("every", "pictures", "keep_every", "evaluate"):
            _check_number(config.get(key, {}).get(name, 1), f"config.{key}.{name}")
        setup.intervals(kind, config.get(key, {}), f"config.{key}", stages, 1)
    for player, node in config["optim"].items():
        as_mapping(node, f"config.optim.{player}")


def source(config: Mapping[str, Any], weights: str, base: str) -> str:
    """Returns the Python source of a config file.

    Args:
      config: nested dicts of literals. weights: the name of the file that it was made of.
      base: the name of the config that set the rest.

    Raises:
      UserError: a value that is no literal, such as an infinity.
    """
    meant = {"WEIGHTS": weights, "BASE": base, "CONFIG": config}
    _check_literal(config, "config")
    text = _SOURCE.format(**{name.lower(): ascii(value) for name, value in meant.items()})
    assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    found = {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assigned}
    if repr(found) != repr(meant):
        raise AssertionError("config.py would not hold what was meant")
    return text


def clamp(kwargs: Mapping[str, Any]) -> float:
    """Returns conv_clamp from the arguments of the networks' constructors, 0 if it is not there.

    Raises:
      UserError: arguments of another type, or a clamp that is no positive number.
    """
    for options in kwargs.values():
        if not isinstance(options, Mapping):
            raise UserError("_init_kwargs are no options by name; give other weights")
        inner = options.get("synthesis_kwargs", options)
        if not isinstance(inner, Mapping):
            raise UserError("synthesis_kwargs are no options by name; give other weights")
        found = inner.get("conv_clamp")
        if found is None:
            continue
        if type(found) not in (int, float) or not 0 <= found < 2**64:  # nor NaN
            said = repr(found)[:40] if type(found) in (int, float) else "no number"
            raise UserError(f"conv_clamp is {said}; it must be a positive number")
        if found:
            return float(found)
    return 0.0


def _check_data(data: dict[str, Any]) -> None:
    """Checks config.data's keys without opening the data, which may lie on another machine."""
    name = data.pop("name", None)
    if not isinstance(name, str):
        raise UserError(f"config.data.name={name!r}: expected a name")
    for key, (default, kind) in setup.OF_ALL.items():
        if text := misfit(data.pop(key, default), kind, f"config.data.{key}"):
            raise UserError(text)
    node = {"name": name.partition(":")[0], **data}
    resolve(node, "jaxgan.data.sources", kind=Source, at="config.data", given=("path",))


def _check_duration(duration: Any, stages: growth.Growth) -> None:
    _check_number(duration, "config.steps")
    growth.total(duration, growth=stages, size=1, at="config.steps")


def _check_number(number: Any, at: str) -> None:
    """Refuses what has more digits than any number of steps."""
    if len(str(number)) > 16 or (isinstance(number, int) and number >= _LARGEST):
        raise UserError(f"{at}={str(number)[:16]}…: too many steps")


def _check_literal(value: Any, at: str) -> None:
    if isinstance(value, dict):
        for key, each in value.items():
            if type(key) is not str:
                raise UserError(f"{at}: {key!r} is no name of an option")
            _check_literal(each, f"{at}.{key}")
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            _check_literal(each, f"{at}[{i}]")
    elif type(value) not in (type(None), bool, int, float, str) or (
        type(value) is float and not math.isfinite(value)
    ):
        raise UserError(f"{at}={value!r}: cannot be written to a config; give a finite number")
