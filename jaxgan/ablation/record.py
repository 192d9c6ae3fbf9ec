"""sweep.json: what a folder's sweep compares, so that another sweep is not mixed with it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.ablation.cells import flags
from jaxgan.ablation.spec import EVALUATE, Sweep, flatten
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

NAME = "sweep.json"


def describe(sweep: Sweep) -> dict[str, Any]:
    """Returns the config of each cell, but for its seed, and how it is trained and measured.

    Raises:
      UserError: no such config, or an override of another type than what it replaces.
    """
    found = {}
    for cell in sweep.cells:
        config = configs.load(cell.config)
        try:
            configs.override(config, flags(sweep, cell, sweep.seeds))
        except UserError as error:
            raise UserError(f"{cell.name}: {error}") from None
        found[cell.name] = config.to_dict() | {"seed": None}
        found[cell.name] |= {EVALUATE: dict(cell.evaluate)} if cell.evaluate else {}
    measured = {"n": sweep.n, "seconds": sweep.seconds, "replicas": sweep.replicas}
    if sweep.replicas:
        measured["seeds"] = list(sweep.seeds)
    # As it is read back: JSON has no tuples.
    return json.loads(json.dumps({"cells": found, **measured}, default=str))


def write(folder: Path, record: Mapping[str, Any]) -> None:
    """Writes sweep.json.

    Raises:
      UserError: it cannot be written.
    """
    files.write(folder / NAME, f"{json.dumps(record, indent=1)}\n")


def compare(folder: Path, record: Mapping[str, Any]) -> None:
    """Refuses a folder of another sweep; more cells, seeds or metrics of the same one may come.

    Raises:
      UserError: the first key that differs, in one line.
    """
    path = folder / NAME
    if not path.exists():
        if (folder / "config.json").exists():
            raise UserError(f"--workdir={folder}: the folder of a run; pass another")
        return
    with files.reading(path):
        content = path.read_text()
    try:
        old = json.loads(content)
        before, now = old["cells"], record["cells"]
        common = [name for name in now if name in before]
        rest = [
            ({"cells": {name: each["cells"][name] for name in common}} | _without_cells(each))
            for each in (old, record)
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(f"{path} is damaged; bring it back, or pass another --workdir") from None
    remedy = "pass another --workdir, or delete this one"
    if not common:
        raise UserError(f"{folder} has another sweep, of cells {', '.join(before)}; {remedy}")
    one, other = (flatten(each) for each in rest)
    for key in {**one, **other}:
        if one.get(key) != other.get(key):
            was, is_now = one.get(key, "not set"), other.get(key, "not set")
            raise UserError(f"{folder} has another sweep: {key} was {was}, now {is_now}; {remedy}")


def _without_cells(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != "cells"}
