"""samples of N(mean, std^2 I) in place of N(0, I): a row for each pair at each checkpoint"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.parser import real
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

DRAWS = [(0.0, 0.4), (0.0, 1.0), (-0.3, 0.4), (0.3, 0.4)]


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the distribution."""
    shared.add_start(parser, 8, of="samples in a row")
    shared.add_steps(parser)
    parser.add_argument("--mean", type=real(-100, 100), help="(default: a row of each of four)")
    parser.add_argument("--std", type=real(0, 100), help="(default: a row of each of four)")


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the rows, of the same draws of N(0, I); raises UserError of a run without latents."""
    draws = DRAWS
    if args.mean is not None or args.std is not None:
        draws = [(args.mean or 0.0, 1.0 if args.std is None else args.std)]
    runs = [run] if args.steps is None else [run.at(step) for step in args.steps]
    images, rows = [], []
    for each in runs:
        space = start(each, args, 8)
        z = np.concatenate([np.float32(mean + std * space.points) for mean, std in draws])
        of = np.tile(np.arange(len(space.points)), len(draws))
        images.append(space.images(z, of))
        at = f" step {each.step}" if args.steps else ""
        rows += [f"{mean:g}, {std:g}{at}" for mean, std in draws]
    arrays, shown = space.arrays(z, of), np.concatenate(images)
    if len(rows) == 1:  # a square: one row of many would be a strip that nothing shows whole
        return Study(shown, arrays=arrays, lines=[f"all are of mean, std {rows[0]}"])
    return Study(shown, len(space.points), rows, arrays=arrays)
