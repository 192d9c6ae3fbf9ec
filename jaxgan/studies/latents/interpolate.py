"""what lies between pairs of latents: a row for each pair"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the latents and of the path."""
    shared.add_start(parser, 8, of="latents, two for each row")
    shared.add_path(parser)


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws rows from each even latent to the next; labels are those of the first.

    Raises:
      UserError: an odd number of latents, or a run that has none.
    """
    space = start(run, args, 8, check=shared.pairs)
    space.check(len(space.points) // 2 * args.frames)
    t = np.linspace(0, 1, args.frames)
    points = shared.path_of(args)(space.points[::2], space.points[1::2], t)
    of = np.repeat(np.arange(0, len(space.points), 2), args.frames)
    flat = points.reshape(-1, points.shape[-1])
    rows = [f"{2 * i} to {2 * i + 1}" for i in range(len(points))]
    names = [f"{each:.2f}" for each in t]
    return Study(space.images(flat, of), args.frames, rows, names, arrays=space.arrays(flat, of))
