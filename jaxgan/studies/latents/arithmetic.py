"""sums, differences and products of latents: rows of z1, z2 and the result"""

import argparse
import math
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

OPS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "absdiff": lambda a, b: np.abs(a - b),
    "multiply": lambda a, b: a * b,
}


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the operation."""
    shared.add_start(parser, 8, of="latents, two for each row")
    parser.add_argument(
        "--op",
        choices=tuple(OPS),
        default="add",
        help="a sum or difference of two draws of N(0, I) has standard deviation 1.41, an absolute "
        "difference mean 1.13 and deviation 0.85, and a product is not normal: the generator was "
        "trained on none of them (default: %(default)s)",
    )
    parser.add_argument(
        "--rescale", action="store_true", help="divide a sum or difference by sqrt 2: N(0, I) again"
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the rows; labels are those of the first latent.

    Raises:
      UserError: an odd number of latents, or a run that has none.
    """
    space = start(run, args, 8, check=shared.pairs)
    if args.rescale and args.op not in ("add", "subtract"):
        raise UserError(f"--rescale: --op={args.op} is not made N(0, I) by a division")
    first, second = space.points[::2], space.points[1::2]
    result = OPS[args.op](first, second) / (math.sqrt(2) if args.rescale else 1)
    points = np.stack([first, second, result], axis=1).reshape(-1, first.shape[1])
    of = np.repeat(np.arange(0, len(space.points), 2), 3)
    line = f"the results have mean {result.mean():.2f} and standard deviation {result.std():.2f}"
    names = ["z1", "z2", args.op]
    arrays = space.arrays(points, of)
    return Study(space.images(points, of), 3, (), names, arrays=arrays, lines=[line])
