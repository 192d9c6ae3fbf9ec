"""samples of latents of a common mean: a column for each mean, a row for each checkpoint"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import real
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

VALUES = [-1, -0.8, -0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8]


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the means."""
    shared.add_start(parser, 16, of="latents that an average is of")
    shared.add_steps(parser)
    parser.add_argument(
        "--values", type=shared.numbers(), default=VALUES, help="means (default: -1,-0.8,...,0.8)"
    )
    parser.add_argument(
        "--mode",
        choices=("point", "average"),
        default="point",
        help="the sample of the mean itself, or the average of samples of N(mean, std^2) "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--std", type=real(0, 100), default=0.4, help="of an average's (default: %(default)s)"
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the rows, and measures the color of the upper third, where faces have hair.

    Raises:
      UserError: a run without latents, a checkpoint that it does not keep, or latents to save of an
        average.
    """
    if args.mode == "average" and args.save_latents:
        raise UserError("--save-latents: an average of samples has no latents; --mode=point has")
    runs = [run] if args.steps is None else [run.at(step) for step in args.steps]
    images, values = [], np.float32(args.values)
    for each in runs:
        space = start(each, args, 16)
        if args.mode == "point":
            points = np.broadcast_to(values[:, None], (len(values), space.points.shape[1]))
            images.append(space.images(points, np.zeros(len(values), int)))
        else:
            noise = np.float32(args.std) * space.points
            images += [space.images(m + noise).mean(axis=0)[None] for m in values]
    shown = np.concatenate(images)
    arrays, lines = {"values": values}, []
    if args.mode == "point":
        of = np.zeros(len(values), int)
        arrays |= space.arrays(
            np.broadcast_to(values[:, None], (len(of), len(space.points[0]))), of
        )
    if shown.ndim == 4:
        hair = shown[:, : max(1, shown.shape[1] // 3)].mean(axis=(1, 2))
        arrays["upper_third"] = hair.reshape(len(runs), len(values), -1)
        brightness = arrays["upper_third"].mean(axis=-1)
        lines = [
            f"step {each.step}: brightness of the upper third {row[0]:.2f} to {row[-1]:.2f}, "
            f"correlation with the mean {_correlation(values, row):.2f}"
            for each, row in zip(runs, brightness, strict=True)
        ]
    rows = [f"step {each.step}" for each in runs]
    names = [f"{m:g}" for m in values]
    return Study(shown, len(values), rows, names, arrays=arrays, lines=lines)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Returns Pearson's correlation; 0 of what does not vary."""
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 1 and np.ptp(x) and np.ptp(y) else 0.0
