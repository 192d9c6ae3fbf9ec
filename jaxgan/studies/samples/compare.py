"""checkpoints beside each other: real items, then a row of the same latents for each"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start, taken
from jaxgan.studies.common.study import Study
from jaxgan.visual.raster import to_floats

if TYPE_CHECKING:
    from jaxgan.generation.run import Run


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the inputs and of the checkpoints."""
    shared.add_start(parser, 8, of="samples in a row")
    shared.add_steps(parser)


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the rows; samples have the classes or conditions of the real items.

    Raises:
      UserError: a run without latents, data that are not there, or a checkpoint that is not kept.
    """

    run.need("latents")
    steps = args.steps or ([run.step] if args.step is not None else run.steps)
    runs = [run if step == run.step else run.at(step) for step in steps]
    space = start(run, args, 8)
    reals = run.reals(len(space.points), args.seed)
    if args.latents is None and (columns := taken(run, reals)):
        space = start(run, args, 8, columns)
    rows = [space._replace(run=each).images(space.points) for each in runs]
    real = to_floats(reals["image"])
    real = real[np.arange(len(space.points)) % len(real)]
    names = ["real", *(f"step {each.step}" for each in runs)]
    arrays = space.arrays(space.points) | {"steps": np.array(steps)}
    columns = space.names() if run.kinds else ()  # the class that a column is of
    return Study(np.concatenate([real, *rows]), len(real), names, columns, arrays=arrays)
