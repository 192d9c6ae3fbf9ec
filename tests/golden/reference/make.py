"""Writes what the tests expect, with PyTorch: cd tests/golden; python -m reference.make [NAME ...].

An implementation of its own, in float64: it imports nothing from jaxgan, and the tests don't run
it. It stores what a step must give: metrics, and fingerprints of what changed (seeded.py).
"""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import seeded
import torch
from reference import step_growing, step_stylegan2
from reference.recipes import RECIPES
from reference.step import Step

EXPECTED = Path(__file__).parents[1] / "expected"
STEPS = {name: partial(Step, name) for name in RECIPES}
for module in (step_stylegan2, step_growing):
    STEPS |= {name: partial(module.Step, name) for name in module.RECIPES}


def compute(name):
    """Returns what the step of a recipe must give."""
    step = STEPS[name]()
    turns, tape = step.play(), step.tape
    nets, decay = step.ema()
    averages = {
        p: (1 - decay) * (tape.params[p] - v)
        for p, v in tape.averaged.items()
        if p.split("/")[0] in nets
    }
    return {
        "shape": step.shape,
        "turns": turns,
        "draws": {f"{kind} {shape}": n + 1 for (kind, shape), n in tape.drawn.items()},
        "metrics": tape.metrics,
        "moves": prints({p: tape.params[p] - v for p, v in tape.before.items()}),
        "ema": prints(averages),
        "stats": prints(getattr(step, "stats", {})),
        "memory": prints(getattr(step, "memory", {})),
    }


def prints(tensors):
    """Returns fingerprints of tensors, by path."""
    return {
        p: list(seeded.fingerprint(torch.as_tensor(v).detach().numpy())) for p, v in tensors.items()
    }


def write(name, expected):
    """Writes a recipe's file, a line for each array."""
    groups = []
    for group, values in expected.items():
        text = json.dumps(values)
        if isinstance(values, dict):
            rows = (f"{json.dumps(key)}: {short(value)}" for key, value in values.items())
            text = "{\n" + ",\n".join(rows) + "\n}"
        groups.append(f"{json.dumps(group)}: {text}")
    (EXPECTED / f"{name}.json").write_text("{\n" + ",\n".join(groups) + "\n}\n")


def short(value):
    """Returns JSON of a number or a list of them, 13 digits each."""
    rounded = [float(f"{each:.13g}") for each in np.atleast_1d(value)]
    return json.dumps(rounded if isinstance(value, list) else rounded[0])


if __name__ == "__main__":
    for each in sys.argv[1:] or STEPS:
        write(each, compute(each))
