"""styles of two latents: A, down the side, takes the w of B, along the top, in some layers"""

import argparse
import re
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

LEVELS = {"coarse": (4, 8), "middle": (16, 32), "fine": (64, 1024)}


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the latents and of the layers."""
    shared.add_start(parser, 8, of="latents, those of --rows and the rest along the top")
    parser.add_argument(
        "--rows", type=whole(1, 100), default=3, help="latents A (default: %(default)s)"
    )
    parser.add_argument(
        "--levels",
        default="coarse",
        help="layers that take the w of B: coarse (sides 4-8), middle (16-32), fine (64-1024), or "
        "sides as in 8-32 (default: %(default)s)",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the table, with A and B themselves at its sides.

    Raises:
      UserError: a run without w or without such layers, or too few latents.
    """
    run.need("styles")
    taken = layers(run, args.levels)

    def check(count: int) -> None:
        if count <= args.rows:
            raise UserError(f"{count} latents, and --rows={args.rows} are down the side: give more")

    space = start(run, argparse.Namespace(**vars(args) | {"space": "w"}), 8, check=check)
    a, b = space.points[: args.rows], space.points[args.rows :]
    ws = np.repeat(space.points[:, None], len(taken), axis=1)
    mixed = np.where(taken[:, None], ws[None, args.rows :], ws[: args.rows, None])
    psi = run.game.styles.psi if args.psi is None else args.psi
    every = run.synthesize(np.concatenate([ws, mixed.reshape(-1, *ws.shape[1:])]), psi)
    blank = np.ones_like(every[:1])
    rows = [blank, every[len(a) : len(ws)]]
    for i in range(len(a)):
        start_at = len(ws) + i * len(b)
        rows += [every[i : i + 1], every[start_at : start_at + len(b)]]
    names = space.names()
    labels = ["", *names[: len(a)]]
    arrays = space.arrays(space.points) | {"layers": np.flatnonzero(taken)}
    return Study(np.concatenate(rows), 1 + len(b), labels, ["", *names[len(a) :]], arrays=arrays)


def sides(run: "Run") -> np.ndarray:
    """Returns the side of the feature maps that each w of an image scales, (layers,)."""
    return 4 << np.arange(run.game.styles.layers) // 2


def layers(run: "Run", text: str) -> np.ndarray:
    """Returns which layers --levels names, bool (layers,).

    Raises:
      UserError: no levels, or levels that the run does not have.
    """
    found = sides(run)
    match = re.fullmatch(r"(\d{1,4})-(\d{1,4})", text)
    if text not in LEVELS and not match:
        raise UserError(f"--levels={text}: {', '.join(LEVELS)}, or sides as in 8-32")
    low, high = LEVELS[text] if text in LEVELS else (int(match[1]), int(match[2]))
    taken = (found >= low) & (found <= high)
    if not taken.any():
        raise UserError(
            f"--levels={text}: this run's layers have sides {found[0]} to {found[-1]}, none of "
            f"{low} to {high}"
        )
    return taken
