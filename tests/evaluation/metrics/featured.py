"""A subject with given features, for metrics that compare them."""

from types import SimpleNamespace

import numpy as np

from jaxgan.core.inputs import Label, Noise
from jaxgan.evaluation.features.network import Features


def subject(real, fake, halves=None, labels=None, classes=0, n=None, **net):
    """What a metric of features asks for: two sets (N, D), and two of real items for the floor."""
    given = {"name": "Net", "sha256": "a" * 64, "resize": "none", "params": {}} | net
    inputs = {"z": Noise(2)} | ({"y": Label(classes)} if classes else {})
    return SimpleNamespace(
        seen=(real, fake),
        seen_halves=halves or (real, fake),
        features=Features(dims=real.shape[1], apply=lambda params, x: x, **given),
        net="inception:/x.pth",
        columns={"label": labels},
        game=SimpleNamespace(inputs=inputs),
        spec=SimpleNamespace(classes=classes),
        size=n or len(fake),
        seed=0,
        share=0.0,
        split="train",
        reference="",
        check_run=lambda metric, why: None,
        check_features=lambda metric, least: None,
    )


def digits():
    """scikit-learn's digits, (1797, 8, 8) in [0, 1], shuffled, and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    return found.images[order] / 16, found.target[order]
