"""Plots: loss curves, and points in the plane with the critic's level lines."""

import numpy as np
from PIL import Image

from jaxgan.visual import plots


def test_curves_are_drawn_of_rows_with_gaps(tmp_path):
    rows = [{"step": 5, "d/loss": 1.0, "d/real": 0.6}, {"step": 10, "d/loss": 0.5, "g/loss": 2.0}]
    plots.save_curves(tmp_path / "c.png", rows)
    two = Image.open(tmp_path / "c.png").size
    assert two[0] > 500
    rows[1] |= {"diagnosis/diversity": 0.5, "eval/kid": 3.0, "d/loss_ci95": 0.2}
    plots.save_curves(tmp_path / "c.png", rows)
    assert Image.open(tmp_path / "c.png").size == (two[0], 2 * two[1])


def test_each_kind_of_metric_has_a_panel():
    names = ["d/loss", "d/real", "d/fake", "g/fake", "diagnosis/coverage", "diagnosis/lipschitz"]
    names += ["d/loss_ci95", "eval/kid", "eval/kid_low", "eval/kid_high", "images_per_s", "kimg"]
    assert plots.panels(names) == {
        "loss": ["d/loss"],
        "D(x), D(G(z))": ["d/real", "d/fake", "g/fake"],
        "against the data": ["diagnosis/coverage"],
        "eval/kid": ["eval/kid"],
    }


def test_intervals_are_bands(tmp_path):
    rows = [{"step": i, "d/loss": 1.0, "d/loss_ci95": 0.5} for i in range(3)]
    plots.save_curves(tmp_path / "with.png", rows)
    plots.save_curves(tmp_path / "without.png", [{**row, "d/loss_ci95": 0.0} for row in rows])
    drawn = [np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("with", "without")]
    colored = [(np.ptp(each[..., :3].astype(int), axis=2) > 20).sum() for each in drawn]
    assert colored[0] > 20 * colored[1]


def place(x, y, extent):
    """The pixel, row and column, of a point of a scatter plot."""
    left, bottom, width, height = plots.AXES
    column = left + width * (x + extent) / 2 / extent
    row = bottom + height * (y + extent) / 2 / extent
    return int(480 * (1 - row)), int(480 * column)


def test_scatter_draws_real_points_fake_points_and_level_lines():
    real, fake = np.array([[-1.0, 1.0]]), np.array([[1.0, -1.0], [9.0, 9.0]])
    picture = plots.scatter(real, fake, extent=2.0)
    assert picture.shape == (480, 480, 3) and picture.dtype == np.uint8
    assert (picture[2, 2] == 255).all()
    assert (picture[place(-1, 1, 2)] == 204).all(), "a real point: gray, above and to the left"
    red, _, blue = picture[place(1, -1, 2)].astype(int)
    assert red > blue + 100, "a fake point: orange, below and to the right"
    assert picture[:27].min() < 100, "a legend above"
    assert picture[-25:].min() < 100 and picture[:, :30].min() < 100, "numbers at the axes"
    more = plots.scatter(real, np.repeat(fake, 50, axis=0), extent=2.0)
    assert (more[:27] != picture[:27]).any(), "the legend has counts"
    levels = plots.lattice(2.0)[:, 0]
    drawn = plots.scatter(real, fake, levels, extent=2.0)
    changed = (drawn != picture).any(axis=(0, 2))
    assert 6 < changed.sum() < 100, "the level lines of x are vertical"
    np.testing.assert_array_equal(plots.scatter(real, fake, 0 * levels, extent=2.0), picture)


def test_groups_have_colors_and_a_legend():
    groups = [np.array([[-1.0, -1.0], [0, 0]]), np.array([[1.0, 1.0]])]
    plain, named = plots.groups(groups, 2.0), plots.groups(groups, 2.0, ["one", "two"])
    assert plain.shape == named.shape == (480, 640, 3)
    assert (plain[:, 500:] == 255).all() and named[:, 500:].min() < 100


def test_lattice_varies_x_fastest():
    points = plots.lattice(3.0, 4)
    assert points.shape == (16, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points[:4], [[-3, -3], [-1, -3], [1, -3], [3, -3]])
