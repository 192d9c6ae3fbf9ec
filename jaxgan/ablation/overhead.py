"""How much of a sweep's time its training steps took, and how much all else."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from jaxgan.ablation.cells import Job
from jaxgan.runtime import files


def seconds(folder: Path, name: str) -> float:
    """Returns how long the commands of a sweep's runs took, all added up.

    Args:
      folder: the sweep's. name: of the file that has them.
    """
    path = folder / name
    if not path.exists():
        return 0.0
    with files.reading(path):
        lines = path.read_text().splitlines()
    total = 0.0
    for line in lines:
        try:
            total += float(json.loads(line)["seconds"])
        except (ValueError, TypeError, KeyError):
            continue  # a line that a kill cut
    return total


def steps(jobs: Sequence[Job]) -> float:
    """Returns how long the steps of runs took: images by the median of images/s.

    Most rows of a run are of steps alone, so that the median leaves out what is drawn, saved and
    compiled between others.
    """
    from jaxgan.training import logger  # slow to import

    total = 0.0
    for job in jobs:
        rows = [row for row in logger.read(job.workdir) if row.get("images_per_s", 0) > 0]
        if rows:
            speed = statistics.median(row["images_per_s"] for row in rows)
            total += 1000 * rows[-1]["kimg"] * len(job.seeds) / speed
    return total


def line(folder: Path, name: str, jobs: Sequence[Job]) -> str:
    """Says how long runs took, and which share of it steps did; '' where none was timed."""
    if not (total := seconds(folder, name)):
        return ""
    share = min(1.0, steps(jobs) / total)
    return (
        f"{total / 60:.1f} minutes of runs, {100 * share:.0f} % of it training steps; the rest is "
        "their start, compilation, pictures and figures"
    )
