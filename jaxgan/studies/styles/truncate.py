"""truncation of w towards its mean: a row for each latent, a column for each psi"""

import argparse
import re
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import real
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import Space, start
from jaxgan.studies.common.study import Study
from jaxgan.studies.styles.mix import sides

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

PSI = [1, 0.7, 0.5, 0.3, 0, -0.5, -1]


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the latents and of psi."""
    shared.add_start(parser, 4, psi=False)
    parser.add_argument(
        "--psi",
        type=shared.numbers(-100, 100),
        help="columns; 0 is the mean image, -psi its opposite (default: 1,0.7,0.5,0.3,0,-0.5,-1)",
    )
    parser.add_argument(
        "--psi-by-level",
        metavar="4:0.5,8:0.7",
        help="in place of --psi: none at all, and of the layers of these sides; others 1",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the strips; of the layers that the run truncates, unless levels are given.

    Raises:
      UserError: a run without w, or a level that it does not have.
    """
    run.need("styles")
    if args.psi is not None and args.psi_by_level is not None:
        raise UserError("--psi: --psi-by-level says it for each layer; pass one")
    by_layer = None if args.psi_by_level is None else by_level(sides(run), args.psi_by_level)
    space = start(run, argparse.Namespace(**vars(args) | {"space": "w", "psi": None}), 4)
    if by_layer is not None:
        return _by_level(space, by_layer)
    psi = PSI if args.psi is None else args.psi
    columns = [run.synthesize(space.points, each) for each in psi]
    names = [f"psi {each:g}" for each in psi]
    images = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    arrays = space.arrays(space.points) | {"psi": np.array(psi)}
    return Study(images, len(psi), space.names(), names, arrays=arrays)


def by_level(levels: np.ndarray, text: str) -> np.ndarray:
    """Parses --psi-by-level: the psi of each layer, whose sides `levels` (layers,) are.

    Raises:
      UserError: a level that is not there, or no number.
    """
    psi = np.ones(len(levels), np.float32)
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,4}):(.+)", part.strip())
        if not match or int(match[1]) not in levels:
            known = ", ".join(map(str, dict.fromkeys(levels.tolist())))
            raise UserError(f"--psi-by-level={text}: write 4:0.5,8:0.7; this run has sides {known}")
        try:
            psi[levels == int(match[1])] = real(-100, 100)(match[2])
        except argparse.ArgumentTypeError as error:
            raise UserError(f"--psi-by-level={text}: {error}") from None
    return psi


def _by_level(space: Space, psi: np.ndarray) -> Study:
    run = space.run
    mean = run.mean_style
    ws = np.repeat(space.points[:, None], len(psi), axis=1)
    columns = [run.synthesize(ws), run.synthesize(mean + psi[:, None] * (ws - mean))]
    images = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    arrays = space.arrays(space.points) | {"psi": psi}
    return Study(images, 2, space.names(), ("psi 1", "by level"), arrays=arrays)
