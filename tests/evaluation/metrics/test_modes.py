"""Modes covered by points of a run, with intervals that keep to what can be."""

from types import SimpleNamespace

import numpy as np
import pytest

from jaxgan.data.sources import toy
from jaxgan.evaluation.metrics import modes
from jaxgan.evaluation.mode_coverage import quality
from jaxgan.runtime.errors import UserError


def run(name="ring", fake=None, n=800):
    real = toy.ring(size=2 * n).gather(np.arange(n))["image"]
    return SimpleNamespace(
        record=SimpleNamespace(config={"data": {"name": name}}),
        source=None,
        size=n,
        pair=(real, real if fake is None else fake),
        seed=0,
        split="train",
        reference="",
        check_run=lambda metric, why: None,
    )


def test_real_points_cover_all_modes():
    row = modes.compute(run())
    assert (row["value"], row["low"], row["high"], row["floor"]) == (8, 8, 8, 8)
    quality_of_points = quality(run().pair[0], *toy.modes("ring"))["high_quality"]
    assert row["levels"]["high_quality"] == pytest.approx(quality_of_points)
    bounds = row["bounds"]["high_quality"]
    assert bounds["low"] < row["levels"]["high_quality"] < bounds["high"] <= 1
    kl = row["bounds"]["reverse_kl"]
    assert 0 <= kl["low"] <= row["levels"]["reverse_kl"] <= kl["high"] < 0.05


def test_missing_and_thin_modes_are_seen():
    centers, std = toy.modes("ring")
    rng = np.random.default_rng(0)
    of = rng.choice(4, 800)
    of[:10] = 4  # as many as a tenth of its share: covered in about half of all draws
    row = modes.compute(run(fake=centers[of] + std * rng.normal(size=(800, 2))))
    assert row["value"] == 5 and row["low"] == 4 and row["high"] == 5 and row["floor"] == 8
    assert row["levels"]["reverse_kl"] == pytest.approx(np.log(2), abs=0.06)


def test_data_without_modes_and_few_points_are_refused():
    modes.check(run())
    with pytest.raises(UserError, match="moons, are no mixture of known modes; ring and grid are"):
        modes.check(run("moons"))
    with pytest.raises(UserError, match="at least 100 points"):
        modes.check(run(n=20))
