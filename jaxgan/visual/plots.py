"""Plots loss curves, and points in the plane."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxgan.runtime import files


def save_curves(path: Path, rows: list[dict[str, float]]) -> None:
    """Plots rows of metrics.jsonl to a PNG file: losses, the critic's scores, metrics if any."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted({name for row in rows for name in row})
    evaluated = [name for name in names if name.startswith("eval/")]
    metrics = [("loss",), ("real", "fake"), *[()] * bool(evaluated)]
    figure, axes = plt.subplots(len(metrics), 1, figsize=(9, 3.5 * len(metrics)), sharex=True)
    for axis, last in zip(axes, metrics, strict=True):
        of = [each for each in names if each.rpartition("/")[2].partition("_")[0] in last]
        for name in of if last else [name for name in evaluated if not name.endswith("_ci95")]:
            points = [(row["step"], row[name]) for row in rows if name in row]
            style = "-" if last else ".-"  # metrics are few
            axis.plot(*zip(*points, strict=True), style, label=name, linewidth=0.8)
        axis.legend()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("loss")
    axes[1].set_ylabel("D(x), D(G(z))")
    axes[-1].set_xlabel("step")
    if evaluated:
        axes[2].set_ylabel("metrics")
    figure.tight_layout()
    with files.replacing(path) as file:
        figure.savefig(file, format="png", dpi=110)
    plt.close(figure)


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
    """Draws points in the plane: generated ones in orange over real ones in gray.

    Args:
      real, fake: (N, 2) each; their N may differ.
      critic_grid: the critic's outputs (n * n,) on `lattice(extent, n)`, drawn as contour lines.
      extent: the picture shows [-extent, extent]^2.

    Returns:
      A picture, uint8 (480, 480, 3).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 4.8), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0, 0, 1, 1), xlim=(-extent, extent), ylim=(-extent, extent))
    axis.axis("off")
    axis.scatter(*np.asarray(real).T, s=6, color="0.8", linewidths=0)
    if critic_grid is not None:
        line = np.linspace(-extent, extent, math.isqrt(np.size(critic_grid)))
        levels = np.reshape(critic_grid, (len(line), len(line)))
        if np.ptp(levels) > 0:  # a constant has no contour lines
            axis.contour(line, line, levels, levels=12, cmap="viridis", linewidths=0.6, alpha=0.7)
    axis.scatter(*np.asarray(fake).T, s=4, color="tab:orange", linewidths=0)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def groups(points: Sequence[np.ndarray], extent: float, names: Sequence[str] = ()) -> np.ndarray:
    """Draws groups of points (N, 2) in the plane, each in a color and with a name in the legend.

    Args:
      points: groups; few points of one are joined in order.
      extent: the picture shows [-extent, extent]^2.
      names: of the groups; () for no legend.

    Returns:
      A picture, uint8 (480, 640, 3), with axes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axis = figure.add_axes((0.09, 0.08, 0.66, 0.88), xlim=(-extent, extent), ylim=(-extent, extent))
    for i, group in enumerate(points):
        line = "-" if names and len(group) <= 50 else ""
        label = f"{names[i]} ({len(group)})" if names else None
        axis.plot(*np.asarray(group).T, f"o{line}", markersize=3, linewidth=0.6, label=label)
    axis.set(xlabel="x", ylabel="y", aspect="equal")
    axis.grid(alpha=0.3)
    if names:
        figure.legend(loc="center left", bbox_to_anchor=(0.76, 0.5), fontsize=7, frameon=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
