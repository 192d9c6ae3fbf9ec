"""What a study hands back: samples in rows and columns with their names, and arrays."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.visual import plots
from jaxgan.visual.raster import to_uint8
from jaxgan.visual.sheet import save, sheet

SUFFIXES = (".png", ".webp", ".gif", ".npz")


class Study(NamedTuple):
    """Samples in reading order, `columns` to a row.

    images: float32 (N, H, W, C) in [-1, 1], or points (N, D).
    columns: of the sheet; 0 for as square a one as possible.
    rows, names, captions: of rows, columns and single samples; () where they have none.
    arrays: what else an .npz holds: the inputs by their public names, and figures.
    lines: what was found, for the user.
    sequence: whether the samples are one path, of which an animation shows each in turn; else an
      animation shows a column in turn.
    """

    images: np.ndarray
    columns: int = 0
    rows: Sequence[str] = ()
    names: Sequence[str] = ()
    captions: Sequence[str] = ()
    arrays: Mapping[str, np.ndarray] = {}
    lines: Sequence[str] = ()
    sequence: bool = False


def check(path: Path, shape: Sequence[int]) -> None:
    """Refuses a picture of what is none: samples (*shape) that are neither images nor in the plane.

    Raises:
      UserError: with the remedy.
    """
    fits = shape[-1] in (1, 3, 4) if len(shape) == 3 else tuple(shape) == (2,)
    if path.suffix != ".npz" and not fits:
        raise UserError(f"--out={path}: samples of shape {tuple(shape)} are no picture; write .npz")


def store(path: Path, study: Study) -> None:
    """Writes a study by the suffix of its path: a sheet, an animation, or arrays.

    Raises:
      UserError: it cannot be written.
    """
    if path.suffix == ".npz":
        names = {"rows": study.rows, "columns": study.names, "captions": study.captions}
        texts = {key: np.array(value) for key, value in names.items() if len(value)}
        with files.replacing(path) as file:
            np.savez_compressed(file, images=study.images, **texts, **study.arrays)
        return
    save(path, frames(study) if path.suffix == ".gif" else [picture(study)])


def picture(study: Study) -> np.ndarray:
    """Draws a sheet, uint8 (H, W, C); points as a scatter plot, each row in a color of its own."""
    if study.images.ndim != 4:
        return _plot(study, study.images)
    labels = {"rows": study.rows, "names": study.names, "captions": study.captions}
    return sheet(to_uint8(study.images), study.columns, **labels)


def frames(study: Study) -> list[np.ndarray]:
    """Draws a picture for each column of a study, or for each sample of a sequence."""
    n, columns = len(study.images), _columns(study)
    shown = [[i] for i in range(n)]
    if not study.sequence:
        shown = [list(range(i, n, columns)) for i in range(columns)]
    if study.images.ndim != 4:
        return [_plot(study, study.images[rows]) for rows in shown]
    full = [rows for rows in shown if len(rows) == len(shown[0])]  # frames are of one size
    names = () if study.sequence else study.rows
    return [sheet(to_uint8(study.images[rows]), 1, rows=names) for rows in full]


def _columns(study: Study) -> int:
    return study.columns or math.ceil(math.sqrt(len(study.images)))


def _plot(study: Study, points: np.ndarray) -> np.ndarray:
    """Draws points of the plane; whole studies in the colors of their rows."""
    extent = 1.1 * float(np.abs(study.images).max()) or 1.0
    if len(points) != len(study.images):
        return plots.groups([points], extent)
    columns = _columns(study)
    rows = [points[i : i + columns] for i in range(0, len(points), columns)]
    if len(study.rows) != len(rows):
        return plots.groups([points], extent)
    joined = bool(study.names) or study.sequence  # columns that are named are in an order
    return plots.groups(rows, extent, study.rows, joined=joined)
