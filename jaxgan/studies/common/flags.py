"""Flags that studies share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import SEED, real, whole
from jaxgan.studies.common.paths import PATHS
from jaxgan.studies.common.space import SPACES


def add_start(
    parser: argparse.ArgumentParser, n: int, *, of: str = "latents", psi: bool = True
) -> None:
    """Adds the flags that say which latents a study starts from: `n` of them by default.

    psi: whether --psi is among them.
    """
    group = parser.add_argument_group("what it starts from")
    group.add_argument("--n", type=whole(1, 10**5), help=f"how many {of} (default: {n})")
    group.add_argument(
        "--labels",
        help="classes in rotation, by number or name: 7, or cat,dog (default: all in turn)",
    )
    group.add_argument(
        "--conditions",
        type=Path,
        metavar="FILE.npy",
        help="vectors (N, D) to condition on in rotation (default: 0)",
    )
    if psi:
        group.add_argument(
            "--psi",
            type=real(-100, 100),
            help="truncation of style-based generators; 1 for none (default: the config's)",
        )
    group.add_argument(
        "--latents",
        type=Path,
        metavar="FILE",
        help="an .npz of jaxgan.sample or of --save-latents, in place of --n, --labels and "
        "--conditions, or a .npy of z (N, D), in place of --n",
    )
    group.add_argument(
        "--save-latents",
        type=Path,
        metavar="FILE.npz",
        help="write what was shown is made from, for --latents",
    )


def add_space(parser: argparse.ArgumentParser) -> None:
    """Adds --space."""
    parser.add_argument(
        "--space", choices=SPACES, default="z", help="of z, or of a style-based generator's w "
        "(default: %(default)s)"
    )  # fmt: skip


def add_path(parser: argparse.ArgumentParser) -> None:
    """Adds --path and --frames."""
    add_space(parser)
    parser.add_argument(
        "--path",
        choices=tuple(PATHS),
        help="straight, or at equal angles (default: slerp in z, lerp in w)",
    )
    parser.add_argument(
        "--frames",
        type=whole(2, 1000),
        default=8,
        help="pictures from one latent to the next (default: %(default)s)",
    )


def pairs(count: int) -> None:
    """Refuses an odd number of latents.

    Raises:
      UserError: says so.
    """
    if count % 2:
        raise UserError(f"{count} latents make no pairs; give an even number")


def path_of(args: argparse.Namespace) -> Callable:
    """Returns the path that --path names, by default that of the space."""
    return PATHS[args.path or ("lerp" if args.space == "w" else "slerp")]


def numbers(low: float = -1e6, high: float = 1e6) -> Callable[[str], list[float]]:
    """Returns a flag's type: numbers from `low` to `high`, as in -1,0,0.5."""
    one = real(low, high)

    def parse(text: str) -> list[float]:
        return [one(part) for part in text.split(",")]

    return parse


def steps(text: str) -> list[int]:
    """Parses a flag of checkpoints' steps, as in 1000,2000."""
    return [whole(0, SEED)(part) for part in text.split(",")]


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Adds --steps, checkpoints that make a row each."""
    parser.add_argument(
        "--steps",
        type=steps,
        metavar="1000,2000",
        help="a row for each of these checkpoints, in place of --step",
    )
