"""Points in the plane: fixed samples, modes where the papers put them."""

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.data.sources import toy
from jaxgan.evaluation.mode_coverage import quality
from jaxgan.runtime.errors import UserError

NAMES = ("ring", "grid", "swiss_roll", "moons")


@pytest.mark.parametrize("name", NAMES)
def test_points_are_a_fixed_sample(name):
    source = load(name, size=2000)
    rows = np.array([5, 3, 1999])
    points = source.gather(np.arange(2000))["image"]
    assert source.shape == (2,) and points.shape == (2000, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(load(name, size=2000).gather(rows)["image"], points[rows])
    np.testing.assert_array_equal(load(name, size=50).gather(np.arange(50))["image"], points[:50])
    assert len(np.unique(points, axis=0)) == 2000
    assert load(name).size == 100_000


@pytest.mark.parametrize(("name", "count", "std"), [("ring", 8, 0.02), ("grid", 25, 0.05)])
def test_labels_are_modes(name, count, std):
    source, (centers, stated) = load(name, size=25_000), toy.modes(name)
    batch = source.gather(np.arange(25_000))
    assert stated == std and centers.shape == (count, 2) and len(source.classes) == count
    assert np.bincount(batch["label"]).tolist() == [25_000 // count] * count
    off = batch["image"] - centers[batch["label"]]
    np.testing.assert_allclose(off.std(axis=0), std, rtol=0.02)
    assert abs(off.mean()) < std / 50
    scores = quality(batch["image"], centers, std)
    assert scores["modes"] == count and scores["reverse_kl"] < 1e-6
    # a Rayleigh variable is below 3 with probability 1 - exp(-4.5)
    assert abs(scores["high_quality"] - 0.9889) < 0.003


def test_ring_and_grid_lie_where_the_papers_put_them():
    ring, grid = toy.modes("ring")[0], toy.modes("grid")[0]
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 2)
    assert {tuple(p) for p in grid} == {(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)}
    assert load("grid").classes[0] == "(-4, -4)" and "-0" not in "".join(load("ring").classes)


def test_lines_and_fingerprints_identify_the_sample():
    marks = {load(name, size=n).fingerprint for name in NAMES for n in (50, 60)}
    assert len(marks - {""}) == 8 and load("ring", size=50).fingerprint in marks
    assert load("moons", size=50).found == "50 points"


@pytest.mark.parametrize("name", ["swiss_roll", "moons"])
def test_manifolds_have_no_modes(name):
    assert toy.modes(name)[0].shape == (0, 2)
    source = load(name, size=10_000)
    points = source.gather(np.arange(10_000))["image"]
    assert source.classes == () and 1.5 < abs(points).max() < 2.6 and abs(points.mean()) < 0.3


def test_an_empty_sample_is_refused():
    with pytest.raises(UserError, match="size=0"):
        toy.ring(size=0)
