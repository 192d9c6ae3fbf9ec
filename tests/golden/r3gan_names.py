"""R3GAN's nets as in the authors' files, under this package's names; the fixture of both."""

import re
from pathlib import Path

import numpy as np
from flax.traverse_util import unflatten_dict

FIXTURE = np.load(Path(__file__).parents[1] / "fixtures/r3gan_16.npz")
STAGES = {"widths": (16, 8, 8), "cardinality": (4, 2, 2), "blocks": (2, 1, 1)}
LAYERS = {
    "LinearLayer1.Layer.weight": "expand/kernel",
    "LinearLayer2.Layer.weight": "grouped/kernel",
    "LinearLayer3.Layer.weight": "project/kernel",
    "NonLinearity1.Bias": "bias1",
    "NonLinearity2.Bias": "bias2",
}


def published(group):
    """Returns what the fixture has of a net under `group`, 'G', 'D', 'grad_g' or 'grad_d'."""
    judges = group.lower().endswith("d")
    found = {}
    for name in FIXTURE.files:
        owner, _, path = name.partition("/")
        if owner == group and not path.endswith("Kernel"):
            found[place(path, judges)] = turned(FIXTURE[name], path)
    return unflatten_dict(found, sep="/")


def place(path, judges):
    """Returns the path of a parameter of the authors' net in ours."""
    ends = {"AggregationLayer": "to_image/kernel", "ExtractionLayer": "from_image/kernel"}
    for end, ours in ends.items():
        if path.startswith(end):
            return ours
    stage, layer, rest = re.fullmatch(r"MainLayers\.(\d)\.Layers\.(\d)\.(.*)", path).groups()
    size = 16 >> int(stage) if judges else 4 << int(stage)
    if rest in LAYERS:
        return f"b{size}_{int(layer) - (not judges)}/{LAYERS[rest]}"
    if rest.startswith("Basis"):
        return "basis"
    if size == 4:
        return "Dense_0/kernel" if judges else "basis_scale/kernel"
    return f"transition{size}/kernel"


def turned(value, path):
    """Returns a parameter as we keep it: NHWC, HWIO, (in, out)."""
    if path.endswith("Basis") or path.endswith("Basis.weight"):
        return np.moveaxis(value.reshape(-1, 4, 4), 0, -1)
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
