"""A picture of a sweep: a row of samples for each cell that trains, of the first seed with any."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.ablation.cells import Job
from jaxgan.runtime import files
from jaxgan.visual import grid

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
            row = rows[cell]
            wide = np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)))
            named.append(grid.captioned(wide[None], [cell])[0])
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
    shape, config = saved["spec"]["shape"], saved["config"]
    seeds, samples = config.get("seeds", 1), config.get("log", {}).get("samples", 64)
    rows = seeds if seeds > 1 else math.ceil(samples / math.ceil(math.sqrt(samples)))
    for height in (shape[0], shape[0] + grid.CAPTION):
        if len(shape) == 3 and len(picture) == rows * height:
            return picture[:height, : MOST * shape[1]]
    return picture[:, : picture.shape[1] // seeds] if len(shape) == 1 else picture
