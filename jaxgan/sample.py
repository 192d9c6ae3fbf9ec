"""Draws samples from a trained run, as a picture or as arrays.

  python -m jaxgan.sample --workdir=runs/dcgan --out=grid.png
  python -m jaxgan.sample --workdir=runs/dcgan --n=2000 --seed=1 --out=samples.npz
  python -m jaxgan.sample --workdir=runs/acgan --n=20 --labels=3,7 --out=digits.png
  python -m jaxgan.sample --workdir=runs/acgan --labels=cat --seeds=1-10 --out=cats/
  python -m jaxgan.sample --workdir=runs/dcgan --step=5000 --latents=samples.npz --out=then.png

Writes:
  --out=FILE.png  a sheet of the samples, with their classes above its columns where they recur in
                  order, else below each; up to 4,096 enlarged to 64 pixels; of points in the
                  plane, a plot
  --out=FILE.npz  images, uint8 (N, H, W, C), or points, float32 (N, D), and the inputs that they
                  were drawn from: latents, labels or conditions, inputs (the images to
                  translate), seeds. --latents=FILE.npz draws the same samples from them again
  --out=DIR/      each image as a file: 00000.png; 00000-cat.png where it has a label
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxgan.runtime import capacity, environment, errors, files, paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import SEED, Parser, add_choice, choice, real, whole
from jaxgan.runtime.remote import copies


def main(argv: list[str]) -> int:
    """Parses the flags, draws, and writes a PNG sheet, an .npz or a folder; returns the code."""
    args = _parser().parse_args(argv)
    _check(args)
    out, into_folder = _out(args.out)
    copies.check(args.workdir, "--workdir")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.generation import chosen, drawn, sample
    from jaxgan.generation.run import open_run

    run = open_run(args.workdir, args.step, args.replica, **choice(args))
    given = _given(args.labels, args.conditions, args.images, run.classes)
    if args.psi is not None:
        run.truncated(args.psi)  # or says that it cannot
    seeds, n = args.seeds or [args.seed or 0], 64 if args.n is None else args.n
    rows = {}
    if args.latents is not None:
        chosen.check_used(run.game, run.choice, "--latents says all inputs")
        rows, seeds = drawn.load_inputs(args.latents, run.game.inputs)
    shape = sample.shape(run.game, run.state, given, rows)
    drawn.check(out, shape, folder=into_folder)
    if args.columns is not None and len(shape) != 3:
        raise UserError("--columns: points make one plot, without rows; leave it out")
    count = len(seeds) if args.seeds else n if args.sweep is None else n * sample.COLUMNS
    capacity.check({f"{count} samples": count * math.prod(shape)}, "--n")
    if args.seeds:
        rows = run.inputs(len(seeds), seed=seeds, given=given)
    elif not rows:
        rows = run.inputs(n, seed=seeds[0], given=given, sweep=args.sweep)
    samples = run.sample(rows, psi=args.psi, seed=seeds, uint8=True)
    files.folder(out.parent)
    names = drawn.names_of_rows(run.game.inputs, rows, run.classes)
    if into_folder:
        drawn.save_folder(out, samples, names)
    elif out.suffix == ".png":
        columns = args.columns or (0 if args.sweep is None else sample.COLUMNS)
        drawn.save_grid(out, samples, columns, names)
    else:
        drawn.save_arrays(out, samples, rows, seeds)
    print(f"{len(samples)} samples in {args.out}", file=sys.stderr)
    return 0


def _out(text: str) -> tuple[Path, bool]:
    """Returns where to write, and whether that is a folder, once it is known that it can be."""
    out = Path(text)
    into_folder = text.endswith("/") or paths.is_folder(out, "--out")
    if into_folder:
        paths.check_folder(out, "--out")
    elif out.suffix not in (".png", ".npz"):
        raise UserError(
            f"--out={paths.shown(out)}: write a .png (sheet), an .npz (arrays) or a folder, DIR/"
        )
    else:
        paths.check_file(out, "--out")
    return out, into_folder


def _check(args: argparse.Namespace) -> None:
    """Refuses flags of which one would be dropped."""
    inputs = ("n", "seed", "seeds", "labels", "conditions", "images", "sweep")
    passed = [name for name in inputs if getattr(args, name) is not None]
    if args.latents is not None and passed:
        raise UserError(f"--{passed[0]}: --latents={args.latents} says all inputs; pass one")
    if args.columns is not None and not args.out.endswith(".png"):
        raise UserError(f"--columns: --out={paths.shown(args.out)} has no rows; write a .png")
    if args.seeds is not None:
        for name in ("n", "seed", "sweep"):
            if name in passed:
                raise UserError(f"--{name}: --seeds draws one sample of each seed; pass one")


def _seeds(text: str) -> list[int]:
    """Parses seeds, as in 1-10 or 1,5,9."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part.strip())
        if not match:
            raise argparse.ArgumentTypeError(f"{text}: write seeds as in 1-10 or 1,5,9")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + 1_000_000 or last > SEED:
            raise argparse.ArgumentTypeError(
                f"{text}: from the lower to the higher, a million of them, none above {SEED}"
            )
        seeds += range(first, last + 1)
    return seeds


def _parser() -> Parser:
    """Builds the parser of the flags."""
    parser = Parser("sample", __doc__)
    group = parser.add_argument_group("what to draw from")
    group.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    group.add_argument(
        "--step", type=whole(0, SEED), help="of a checkpoint that is kept (default: the last)"
    )
    group.add_argument(
        "--replica",
        type=whole(0, SEED),
        default=0,
        help="which of config.seeds to draw from (default: 0)",
    )
    group.add_argument(
        "--psi",
        type=real(-100, 100),
        help="truncation of style-based generators; 1 for none (default: the config's)",
    )
    add_choice(group)
    group = parser.add_argument_group("where to write")
    group.add_argument("--out", required=True, metavar="PATH", help="see above")
    group.add_argument(
        "--columns",
        type=whole(1, 10**4),
        help="images in a row of a .png (default: a class each, or a square)",
    )
    _add_inputs(parser)
    return parser


def _add_inputs(parser: Parser) -> None:
    """Adds the flags that say which samples are drawn."""
    group = parser.add_argument_group("which samples")
    group.add_argument("--n", type=whole(1, 10**7), help="how many samples (default: 64)")
    group.add_argument("--seed", type=whole(0, SEED), help="of every draw (default: 0)")
    group.add_argument(
        "--seeds",
        type=_seeds,
        metavar="1-10",
        help="in place of --n and --seed: a sample of each seed, that of --seed=SEED --n=1",
    )
    group.add_argument(
        "--latents",
        type=Path,
        metavar="FILE.npz",
        help="in place of all others: the inputs that --out=FILE.npz wrote",
    )
    group = parser.add_argument_group("conditions")
    group.add_argument(
        "--labels",
        help="classes to draw in rotation, by number or name: 7, or 0,1,2, or cat,dog "
        "(default: all; conditional models only)",
    )
    group.add_argument(
        "--conditions",
        type=Path,
        metavar="FILE.npy",
        help="vectors (N, D) to condition on in rotation, such as text embeddings",
    )
    group.add_argument(
        "--images",
        type=Path,
        metavar="FILE.npy",
        help="uint8 (N, H, W, C) to translate in rotation, for models that take images",
    )
    group.add_argument(
        "--sweep",
        type=whole(0, SEED),
        metavar="I",
        help="draw a row for each sample, along which number I of its condition vector goes from "
        "-1 to 1; InfoGAN's continuous codes follow its categories: 10 and 11 by default",
    )


def _given(
    labels: str | None, conditions: Path | None, images: Path | None, classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns the columns that --labels, --conditions and --images provide."""
    from jaxgan.generation import drawn as read
    from jaxgan.generation.labels import parse

    given = {}
    if labels is not None:
        given["label"] = parse(labels, classes)
    if conditions is not None:
        given["condition"] = read.conditions(conditions)
    if images is not None:
        rows = read.array("--images", images)
        if rows.ndim != 4 or not len(rows) or rows.dtype != np.uint8:
            raise UserError(f"--images={images}: needs uint8 (N, H, W, C), N at least 1")
        given["image"] = rows.astype(np.float32) / 127.5 - 1
    return given


if __name__ == "__main__":
    errors.run(main)
