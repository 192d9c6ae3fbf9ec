"""Draws samples from a trained run, as a picture or as arrays.

  python -m jaxgan.sample --workdir=runs/dcgan --out=grid.png
  python -m jaxgan.sample --workdir=runs/dcgan --n=2000 --seed=1 --out=samples.npz
  python -m jaxgan.sample --workdir=runs/acgan --n=20 --labels=3,7 --out=digits.png

Writes:
  --out=FILE.png  a grid of the samples
  --out=FILE.npz  images, uint8 (N, H, W, C), and the inputs that they were drawn from: latents,
                  labels or conditions, inputs (the images to translate)
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser


def main(argv: list[str]) -> int:
    """Parses the flags, draws, and writes a PNG grid or an .npz; returns the exit code."""
    args = _parser().parse_args(argv)
    if args.out.suffix not in (".png", ".npz"):
        raise UserError(f"--out={args.out}: write a .png (grid) or an .npz (arrays)")
    if args.n < 1:
        raise UserError(f"--n={args.n}: at least 1")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.generation import sample, truncation
    from jaxgan.training.workdir import restore
    from jaxgan.visual import grid

    given = _given(args.labels, args.conditions, args.images)
    _, game, state = restore(args.workdir, args.replica)
    drawn_by = None if args.psi is None else truncation.truncated(game, args.psi)
    images, inputs = sample.draw(game, state, args.n, args.seed, given, args.sweep, drawn_by)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.out.suffix == ".png":
        columns = 0 if args.sweep is None else sample.COLUMNS
        grid.save_png(args.out, grid.grid(images, columns))
    else:
        np.savez_compressed(args.out, images=images, **_named(inputs))
    print(f"{len(images)} samples in {args.out}", file=sys.stderr)
    return 0


def _parser() -> Parser:
    """Builds the parser of the flags."""
    parser = Parser("sample", __doc__)
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    parser.add_argument("--n", type=int, default=64, help="how many samples (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default: 0)")
    parser.add_argument(
        "--replica", type=int, default=0, help="which of config.seeds to draw from (default: 0)"
    )
    parser.add_argument(
        "--labels",
        help="classes to draw in rotation: 7, or 0,1,2 (default: all; conditional models only)",
    )
    parser.add_argument(
        "--conditions",
        type=Path,
        metavar="FILE.npy",
        help="vectors (N, D) to condition on in rotation, such as text embeddings",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FILE.npy",
        help="uint8 (N, H, W, C) to translate in rotation, for models that take images",
    )
    parser.add_argument(
        "--psi",
        type=float,
        help="truncation of style-based generators; 1 for none (default: the config's)",
    )
    parser.add_argument(
        "--sweep",
        type=int,
        metavar="I",
        help="draw a row for each sample, along which number I of its condition vector goes from "
        "-1 to 1; InfoGAN's continuous codes follow its categories: 10 and 11 by default",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="a .png or an .npz, see above",
    )
    return parser


def _named(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the drawn inputs under their names in the .npz."""
    names = {"z": "latents", "x": "inputs"}
    if "y" in inputs:
        names["y"] = "labels" if np.issubdtype(inputs["y"].dtype, np.integer) else "conditions"
    return {names.get(name, name): rows for name, rows in inputs.items()}


def _given(
    labels: str | None, conditions: Path | None, images: Path | None
) -> dict[str, np.ndarray]:
    """Returns the columns that --labels, --conditions and --images provide."""
    given = {}
    if labels is not None:
        try:
            given["label"] = np.array([int(part) for part in labels.split(",")], np.int32)
        except ValueError:
            raise UserError(f"--labels={labels}: write class numbers, as in 7 or 0,1,2") from None
    if conditions is not None:
        rows = _array("--conditions", conditions)
        if rows.ndim != 2 or not len(rows):
            raise UserError(f"--conditions={conditions}: needs an array (N, D), N at least 1")
        given["condition"] = rows.astype(np.float32)
    if images is not None:
        rows = _array("--images", images)
        if rows.ndim != 4 or not len(rows) or rows.dtype != np.uint8:
            raise UserError(f"--images={images}: needs uint8 (N, H, W, C), N at least 1")
        given["image"] = rows.astype(np.float32) / 127.5 - 1
    return given


def _array(flag: str, path: Path) -> np.ndarray:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{flag}={path}: not a .npy file ({error})") from None
    if not isinstance(rows, np.ndarray):
        raise UserError(f"{flag}={path}: not a .npy file (an archive)")
    return rows


if __name__ == "__main__":
    run(main)
