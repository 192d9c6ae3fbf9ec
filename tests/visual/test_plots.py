"""Plots: loss curves, and points in the plane with the critic's level lines."""

import numpy as np
from PIL import Image

from jaxgan.visual import plots


def test_curves_are_drawn_of_rows_with_gaps(tmp_path):
    rows = [{"step": 5, "d/loss": 1.0, "d/real": 0.6}, {"step": 10, "d/loss": 0.5, "g/loss": 2.0}]
    plots.save_curves(tmp_path / "c.png", rows)
    size = Image.open(tmp_path / "c.png").size
    assert size[0] > 500
    plots.save_curves(tmp_path / "c.png", [*rows, {"step": 10, "eval/swd": 3.0}])
    width, height = Image.open(tmp_path / "c.png").size
    assert width == size[0] and height > 1.4 * size[1], "metrics have a panel of their own"


def test_scatter_draws_real_points_fake_points_and_level_lines():
    real, fake = np.array([[-1.0, 1.0]]), np.array([[1.0, -1.0], [9.0, 9.0]])
    picture = plots.scatter(real, fake, extent=2.0)
    assert picture.shape == (480, 480, 3) and picture.dtype == np.uint8
    assert (picture[0, 0] == 255).all()
    assert (picture[120, 120] == 204).all(), "a real point: gray, above and to the left"
    red, _, blue = picture[360, 360].astype(int)
    assert red > blue + 100, "a fake point: orange, below and to the right"
    levels = plots.lattice(2.0)[:, 0]
    drawn = plots.scatter(real, fake, levels, extent=2.0)
    changed = (drawn != picture).any(axis=(0, 2))
    assert 6 < changed.sum() < 100, "the level lines of x are vertical"
    np.testing.assert_array_equal(plots.scatter(real, fake, 0 * levels, extent=2.0), picture)


def test_lattice_varies_x_fastest():
    points = plots.lattice(3.0, 4)
    assert points.shape == (16, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points[:4], [[-3, -3], [-1, -3], [1, -3], [3, -3]])
