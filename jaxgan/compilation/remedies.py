"""What to change of a run that does not fit, beside the batch: options that its nets take."""

import importlib
from collections.abc import Mapping
from typing import Any

from jaxgan.config.registry import as_mapping, options
from jaxgan.training.setup import GIVEN, prepare

# Options of nets, and of runs, that save memory, and a value that does.
OF_NETS = {"dtype": "bfloat16", "bfloat16": "4", "remat": "True"}
OF_RUNS = {"accumulate": "2"}


def remedies(config: Mapping[str, Any]) -> list[str]:
    """Returns the flags that would save memory and that the config does not set."""
    found = []
    for key, node in as_mapping(config["game"], "config.game").items():
        name = node.get("name") if isinstance(node, Mapping) else node
        file, _, leaf = str(name).rpartition(".")
        if file and leaf and leaf[0].isupper():
            net = getattr(importlib.import_module(f"jaxgan.nets.{file}"), leaf)
            known = options(net) - set(as_mapping(node, key))
            found += [f"--config.game.{key}.{k}={v}" for k, v in OF_NETS.items() if k in known]
    known = options(prepare, GIVEN) - set(config)
    return found + [f"--config.{k}={v}" for k, v in OF_RUNS.items() if k in known]
