"""Draws figures of several panels: curves over a number, and densities in the plane."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgan.runtime import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 4.2  # inches, of a panel
LEVELS = np.array([0.05, 0.2, 0.5, 0.9])  # of contours, in parts of the largest density


class Curve(NamedTuple):
    """Values `y` (N,) at `x` (N,); `style` is matplotlib's, such as 'k--' or 'o'."""

    name: str
    x: np.ndarray
    y: np.ndarray
    style: str = "-"


class Contours(NamedTuple):
    """A density (n, n) over `line` (n,) in both directions, y by rows; lines of equal density.

    `style` is matplotlib's: 'solid', 'dashed'.
    """

    name: str
    line: np.ndarray
    density: np.ndarray
    color: str
    style: str = "solid"


class Panel(NamedTuple):
    """A pair of axes with what is drawn on them; a range of None fits the curves."""

    title: str
    x: str
    y: str
    curves: Sequence[Curve] = ()
    contours: Sequence[Contours] = ()
    y_range: tuple[float, float] | None = None


def save(path: Path, panels: Sequence[Panel]) -> None:
    """Draws panels side by side to a PNG file, each with a title, axis labels and a legend.

    Raises:
      UserError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(SIDE * len(panels), SIDE), dpi=110, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    for axis, panel in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
        _draw(axis, panel)
    figure.tight_layout()
    with files.replacing(path) as file:
        canvas.print_png(file)


def _draw(axis: "Axes", panel: Panel) -> None:
    for name, x, y, style in panel.curves:
        axis.plot(x, y, style, label=name, linewidth=1.2, markersize=4)
    for name, line, density, color, style in panel.contours:
        axis.contour(
            line, line, density, levels=density.max() * LEVELS, colors=color, linestyles=style
        )
        axis.plot([], [], color=color, linestyle=style, label=name)  # contours have no legend
    axis.set_title(panel.title, fontsize=9)
    axis.set(xlabel=panel.x, ylabel=panel.y)
    if panel.y_range:
        axis.set_ylim(panel.y_range)
    if panel.contours:
        axis.set_aspect("equal")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)
