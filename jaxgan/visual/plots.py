"""Plots loss curves, and points in the plane."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime import files

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = (0.08, 0.06, 0.9, 0.88)  # of a scatter plot: left, bottom, width, height, of the picture


def save_curves(path: Path, rows: list[dict[str, float]]) -> None:
    """Plots rows of metrics.jsonl to a PNG file, a panel for each kind of metric.

    Losses; the critic's scores of real and fake samples; diversity and coverage; and one for each
    metric of eval/. NAME_ci95 is drawn as a band around NAME, and so are NAME_low and NAME_high.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted({name for row in rows for name in row})
    shown = panels(names)
    figure, axes = plt.subplots(len(shown), 1, figsize=(9, 3.2 * len(shown)), sharex=True)
    for axis, (title, curves) in zip(axes, shown.items(), strict=True):
        for name in curves:
            _curve(axis, rows, name)
        axis.set_ylabel(title)
        axis.grid(alpha=0.3)
        if curves:
            axis.legend(fontsize=8)
    axes[-1].set_xlabel("step")
    figure.tight_layout()
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=110)
    plt.close(figure)


def panels(names: Sequence[str]) -> dict[str, list[str]]:
    """Sorts the names of metrics into the panels of a plot, by title; bands are left out."""
    curves = [name for name in names if not name.endswith(_BANDS)]

    def last(*kinds: str) -> list[str]:
        return [n for n in curves if n.rpartition("/")[2].partition("_")[0] in kinds and "/" in n]

    found = {"loss": last("loss"), "D(x), D(G(z))": last("real", "fake")}
    watched = [n for n in curves if n.startswith("diagnosis/") and not n.endswith("lipschitz")]
    found |= {"against the data": watched} if watched else {}
    return found | {name: [name] for name in curves if name.startswith("eval/")}


_BANDS = ("_ci95", "_low", "_high")


def _curve(axis: "Axes", rows: list[dict[str, float]], name: str) -> None:
    """Draws a metric over steps, within its band where the rows have one."""
    own = [row for row in rows if name in row]
    steps = [row["step"] for row in own]
    (line,) = axis.plot(steps, [row[name] for row in own], label=name, linewidth=0.8)
    bounds = [_bounds(row, name) for row in own]
    if any(low < high for low, high in bounds):
        low, high = zip(*bounds, strict=True)
        axis.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)


def _bounds(row: dict[str, float], name: str) -> tuple[float, float]:
    half = row.get(f"{name}_ci95", 0.0)
    return row.get(f"{name}_low", row[name] - half), row.get(f"{name}_high", row[name] + half)


def lattice(extent: float, n: int = 80) -> np.ndarray:
    """Returns the points where `scatter` takes the critic's outputs.

    They are float32 (n * n, 2) and cover [-extent, extent]^2, with x varying fastest.
    """
    line = np.linspace(-extent, extent, n, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def scatter(
    real: np.ndarray,
    fake: np.ndarray,
    critic_grid: np.ndarray | None = None,
    extent: float = 5.0,
) -> np.ndarray:
    """Draws points in the plane: generated ones in orange over real ones in gray, and their counts.

    Args:
      real, fake: (N, 2) each; their N may differ.
      critic_grid: the critic's outputs (n * n,) on `lattice(extent, n)`, drawn as contour lines.
      extent: the picture shows [-extent, extent]^2.

    Returns:
      A picture, uint8 (480, 480, 3), with axes; AXES says where.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 4.8), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes(AXES, xlim=(-extent, extent), ylim=(-extent, extent))
    axis.tick_params(labelsize=8)
    for points, size, color, name in (
        (real, 6, "0.8", "real"),
        (fake, 4, "tab:orange", "generated"),
    ):
        if len(points):
            label = f"{name}, {len(points)}"
            axis.scatter(*np.asarray(points).T, s=size, color=color, linewidths=0, label=label)
        if name == "real" and critic_grid is not None:
            _contours(axis, critic_grid, extent)
    if len(real) + len(fake):
        figure.legend(loc="upper right", ncols=2, fontsize=8, frameon=False, markerscale=2)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _contours(axis: "Axes", critic_grid: np.ndarray, extent: float) -> None:
    """Draws the critic's outputs on `lattice(extent)` as lines; a constant has none."""
    line = np.linspace(-extent, extent, math.isqrt(np.size(critic_grid)))
    levels = np.reshape(critic_grid, (len(line), len(line)))
    if np.ptp(levels) > 0:
        axis.contour(line, line, levels, levels=12, cmap="viridis", linewidths=0.6, alpha=0.7)


def groups(
    points: Sequence[np.ndarray], extent: float, names: Sequence[str] = (), *, joined: bool = False
) -> np.ndarray:
    """Draws groups of points (N, 2) in the plane, each in a color and with a name in the legend.

    Args:
      points: the groups.
      extent: the picture shows [-extent, extent]^2.
      names: of the groups; () for no legend.
      joined: whether a line joins the points of a group, in order.

    Returns:
      A picture, uint8 (480, 640, 3), with axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0.1, 0.11, 0.64, 0.85), xlim=(-extent, extent), ylim=(-extent, extent))
    for i, group in enumerate(points):
        label = f"{names[i]} ({len(group)})" if names else None
        axis.plot(
            *np.asarray(group).T, "o-" if joined else "o", markersize=3, linewidth=0.6, label=label
        )
    axis.set(xlabel="x", ylabel="y", aspect="equal")
    axis.grid(alpha=0.3)
    if names:
        figure.legend(loc="center left", bbox_to_anchor=(0.76, 0.5), fontsize=7, frameon=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
