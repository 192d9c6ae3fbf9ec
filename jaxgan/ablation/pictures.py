"""A picture of a sweep: a row of samples for each cell that trains, of the first seed with any."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.ablation.cells import Job
from jaxgan.runtime import files
from jaxgan.visual.sheet import GUTTER, LINE, PAPER, TILE, blank, write

NARROWEST = 280  # pixels, for the name of a cell
MOST = 16  # samples of a row


def sheet(jobs: Sequence[Job]) -> np.ndarray | None:
    """Returns the rows of all cells, each above its name, (H, W, 3) uint8; None where none is."""
    rows: dict[str, np.ndarray] = {}
    for job in jobs:
        if job.cell.run not in rows and (row := first_row(job.workdir)) is not None:
            rows[job.cell.run] = row
    if not rows:
        return None
    width = max(NARROWEST, *(row.shape[1] for row in rows.values()))
    named = []
    for cell in dict.fromkeys(job.cell.run for job in jobs):
        if cell in rows:
            paper = blank(LINE + len(rows[cell]), width, 3)
            write(paper, cell, 0, GUTTER, width - GUTTER, centered=False)
            paper[LINE:, : rows[cell].shape[1]] = rows[cell]
            named.append(paper)
    return np.concatenate(named)


def first_row(workdir: Path) -> np.ndarray | None:
    """Returns the first row of a run's last picture; of points, the first seed's plot."""
    found = sorted((workdir / "samples").glob("[0-9]*.png"))
    if not found:
        return None
    with files.reading(found[-1]), Image.open(found[-1]) as image:
        picture = np.asarray(image.convert("RGB"))
    with files.reading(workdir / "config.json"):
        saved = json.loads((workdir / "config.json").read_text())
    shape = saved["spec"]["shape"]
    if len(shape) < 3:
        return picture[:, : picture.shape[1] // saved["config"].get("seeds", 1)]
    factor = math.ceil(TILE / min(shape[:2]))
    height, width = (max(1, factor) * side for side in shape[:2])
    # Paper right across ends the first row, below what stands above it, which is not as tall.
    gaps = np.flatnonzero((picture == PAPER).all((1, 2)))
    end = min((int(y) for y in gaps if y >= height), default=len(picture))
    return picture[:end, : GUTTER + MOST * (width + GUTTER)]
