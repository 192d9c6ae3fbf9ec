"""Figures of several panels: curves, densities, titles, axis labels, legends."""

import numpy as np
from PIL import Image

from jaxgan.visual.figures import Contours, Curve, Panel, save


def drawn(path, *panels):
    save(path, panels)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_panels_stand_side_by_side_with_labels(tmp_path):
    x = np.linspace(0, 1, 9)
    empty = Panel("title", "x", "y", [Curve("f", x, x, "w-")])
    one, two = drawn(tmp_path / "1.png", empty), drawn(tmp_path / "2.png", empty, empty)
    assert two.shape == (one.shape[0], 2 * one.shape[1], 3)
    bare = drawn(tmp_path / "3.png", empty._replace(x="", title=""))
    assert (one != bare).any()


def test_curves_and_densities_have_their_colors(tmp_path):
    line = np.linspace(-2, 2, 41)
    density = np.exp(-(line**2) - line[:, None] ** 2)
    red = Panel("t", "x", "y", contours=[Contours("p", line, density, "red")])
    blue = Panel("t", "x", "y", [Curve("f", line, line, "b-")], y_range=(-1, 1))
    for panel, channel in ((red, 0), (blue, 2)):
        picture = drawn(tmp_path / "c.png", panel)
        others = np.delete(picture, channel, axis=2).max(axis=2)
        assert ((picture[..., channel] > 200) & (others < 60)).sum() > 200
