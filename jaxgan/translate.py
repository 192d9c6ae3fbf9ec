"""Translates pictures by a run of two domains, such as CycleGAN.

  python -m jaxgan.translate --workdir=runs/cyclegan --direction=a2b photo.jpg --out=paintings
  python -m jaxgan.translate --workdir=runs/cyclegan --direction=b2a folder/ --res=256 --out=photos

Pictures are translated whole, at their own size unless --res sets the shorter side. Nets that take
one size alone, as DiscoGAN's, need pictures of it.

Writes:
  DIR/NAME.png   the translation of each picture, by its name; folders keep theirs
  DIR/sheet.png  a row for each of the first 16: the picture, its translation, the way back, and
                 what the way back makes of the picture itself ("identity"); the last two only
                 where the run has that generator
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import sys
from pathlib import Path

from jaxgan.runtime import environment, errors, files, paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import Parser, add_choice, choice, whole
from jaxgan.runtime.remote import copies

SHOWN = 16  # rows of the sheet


def main(argv: list[str]) -> int:
    """Parses the flags and translates; returns the exit code."""
    args = _parser().parse_args(argv)
    copies.check(args.workdir, "--workdir")
    paths.check_folder(args.out, "--out")
    if paths.is_folder(args.out, "--out") and any(args.out.iterdir()):
        raise UserError(f"--out={paths.shown(args.out)}: the folder is not empty; name another")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from tqdm import tqdm

    from jaxgan.generation import translated
    from jaxgan.generation.run import open_run
    from jaxgan.training.workdir import without
    from jaxgan.visual.raster import save_png

    pictures = translated.find(args.pictures)
    if named := [picture for picture in pictures if picture.name == "sheet"]:
        raise UserError(f"{paths.shown(named[0].path)}: that name is the sheet's; rename it")
    run = open_run(args.workdir, args.step, args.replica, **choice(args))
    if args.direction in run.absent:
        raise UserError(f"--direction={args.direction}: {without(args.direction)}")
    for name in run.absent:
        print(f"the sheet shows no way back: {without(name)}", file=sys.stderr)
    given = run.game, run.spec, run.state, args.direction, pictures, args.res, run.absent
    found = translated.rows(*given)
    shown = []
    bar = tqdm(found, "translating", len(pictures), unit="img", delay=1, file=sys.stderr)
    for row, picture in zip(bar, pictures, strict=True):
        path = args.out / f"{picture.name}.png"
        files.folder(path.parent)
        save_png(path, row[1])
        if len(shown) < SHOWN:
            shown.append(row)
    save_png(args.out / "sheet.png", translated.sheet(shown))
    print(f"{len(pictures)} pictures in {args.out}", file=sys.stderr)
    return 0


def _parser() -> Parser:
    """Builds the parser of the flags."""
    parser = Parser("translate", __doc__)
    parser.add_argument(
        "pictures", type=Path, nargs="+", metavar="IN", help="image files, and folders of them"
    )
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    parser.add_argument(
        "--direction", choices=("a2b", "b2a"), default="a2b", help="(default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="an empty folder")
    parser.add_argument(
        "--res",
        type=whole(1, 8192),
        default=0,
        help="pixels of the shorter side (default: the picture's own)",
    )
    parser.add_argument("--step", type=whole(0, 2**31 - 1), help="of a checkpoint that is kept")
    parser.add_argument(
        "--replica", type=whole(0, 1023), default=0, help="which of config.seeds (default: 0)"
    )
    add_choice(parser, truncation=False)
    return parser


if __name__ == "__main__":
    errors.run(main)
