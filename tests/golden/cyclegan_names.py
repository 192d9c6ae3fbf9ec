"""The fixture cyclegan_32.npz: published names by ours, and its parameters as nets take them."""

from pathlib import Path

import numpy as np

FIXTURE = np.load(Path(__file__).parents[1] / "fixtures" / "cyclegan_32.npz")
RESNET = {"stem": "model.1", "down1": "model.4", "down2": "model.7", "up2": "model.12"}
RESNET |= {"up1": "model.15", "image": "model.19"}
RESNET |= {
    f"block{i}/{name}": f"model.{10 + i}.conv_block.{at}"
    for i in (0, 1)
    for name, at in (("first", 1), ("second", 5))
}
PATCH = {f"conv{i}": f"model.{at}" for i, at in enumerate((0, 2, 5, 8))} | {"logits": "model.11"}


def published(prefix):
    """The parameters of the fixture's net at `prefix`, by our names."""
    params = {}
    for own, name in (RESNET if "G_" in prefix else PATCH).items():
        weight = FIXTURE[f"{prefix}/{name}.weight"]
        axes = (2, 3, 0, 1) if own.startswith("up") else (2, 3, 1, 0)
        at = params
        for part in own.split("/"):
            at = at.setdefault(part, {})
        at |= {"kernel": weight.transpose(axes), "bias": FIXTURE[f"{prefix}/{name}.bias"]}
    return params
