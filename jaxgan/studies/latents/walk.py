"""one path through latents and back to the first, as an animation or a row for each leg"""

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
    shared.add_start(parser, 4)
    shared.add_path(parser)


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the path; labels are those of the first latent, so that it moves in one way only.

    Raises:
      UserError: a run without latents, or w.
    """
    space = start(run, args, 4)
    space.check(len(space.points) * args.frames)
    t = np.arange(args.frames) / args.frames  # the end of a leg is the next one's start
    points = shared.path_of(args)(space.points, np.roll(space.points, -1, axis=0), t)
    flat = points.reshape(-1, points.shape[-1])
    of = np.zeros(len(flat), int)
    rows = [f"from {i}" for i in range(len(points))]
    arrays = space.arrays(flat, of)
    return Study(space.images(flat, of), args.frames, rows, arrays=arrays, sequence=True)
