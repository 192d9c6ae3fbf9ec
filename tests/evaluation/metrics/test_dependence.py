"""How far translations depend on their pictures: ratios of distances, and shifts of color."""

import jax.numpy as jnp
import numpy as np
import pytest
from translating import subject

from jaxgan.evaluation.metrics import dependence
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize(
    ("there", "value", "color"),
    [
        (lambda x: x, 1.0, 0.0),
        (lambda x: -0.5 * x, 0.5, None),
        (lambda x: x + jnp.array([0.1, 0.0, -0.2]), 1.0, 0.1),
        (jnp.zeros_like, 0.0, None),
    ],
)
def test_a_translator_that_scales_keeps_so_much_of_distances(tmp_path, there, value, color):
    run = subject(tmp_path, there, lambda y: y)
    dependence.check(run)
    row = dependence.compute(run)
    assert row["value"] == pytest.approx(value, abs=1e-5)
    assert row["low"] == pytest.approx(value, abs=1e-5), "of every draw"
    if color is not None:
        assert row["levels"]["color"] == pytest.approx(color, abs=1e-5)
    assert list(row["levels"]) == list(dependence.levels_of(run))


def test_few_pictures_have_a_figure_and_equal_ones_have_none(tmp_path):
    three = np.full((3, 8, 8, 3), np.uint8([0, 90, 200])[:, None, None, None])
    row = dependence.compute(subject(tmp_path, lambda x: 0.5 * x, lambda y: y, a=three, b=three))
    assert row["value"] == pytest.approx(0.5, abs=1e-5) and np.isfinite(row["high"])
    for same in (three[:1], three[[0, 0, 0]]):
        with pytest.raises(UserError, match=f"no two of {len(same)} pictures differ"):
            dependence.compute(subject(tmp_path, lambda x: x, lambda y: y, a=same, b=same))


def test_the_interval_covers_other_pictures():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 4, 4, 3))
    y = x * rng.uniform(0, 1, (2000, 1, 1, 1))
    d = dependence.distances
    whole = d(y).sum() / d(x).sum()
    found = [
        dependence.ratio(d(y[part]), d(x[part]), seed=0)
        for part in np.arange(2000).reshape(20, 100)
    ]
    assert sum(each.low < whole < each.high for each in found) >= 16
    assert d(x[:3])[0, 1] == pytest.approx(np.sqrt(((x[0] - x[1]) ** 2).mean()))
