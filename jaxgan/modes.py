"""Measures how many modes of a mixture in the plane each recipe covers.

  python -m jaxgan.modes --out=modes.md --pictures=modes
  python -m jaxgan.modes --data=ring --recipes=ns,wgan_gp --seeds=4 --config.batch=256

Recipes and mixtures are arguments of experiments/toy.py; any key of its config is a flag.

Writes:
  stdout               a Markdown table: means and 95 % intervals over seeds
  --out=FILE.md        the same table
  --pictures=DIR       a scatter plot of each data set and recipe, DIR/<data>-<recipe>.png
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.config.registry import nearest
from jaxgan.data.sources import toy
from jaxgan.evaluation.mode_coverage import POINTS, SHARE
from jaxgan.runtime import environment, files, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, add_generator, whole
from jaxgan.visual import raster

DATA = ("ring", "grid")
RECIPES = ("ns", "mm", "ls", "hinge", "wgan", "wgan_gp", "dragan", "sn")


def main(argv: list[str]) -> int:
    """Parses the flags, trains each row of the table, prints and writes it.

    Returns the exit code.
    """
    parser = Parser("modes", __doc__)
    parser.add_argument(
        "--config",
        default="experiments/toy.py",
        metavar="FILE",
        help="a config file that takes recipe=… and data=… (default: %(default)s)",
    )
    parser.add_argument("--data", default=",".join(DATA), help="default: %(default)s")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="default: %(default)s")
    parser.add_argument(
        "--seeds", type=whole(1, 1024), default=8, help="replicas of each (default: 8)"
    )
    parser.add_argument(
        "--steps", type=whole(1, 10**9), help="of the critic (default: the config's)"
    )
    add_generator(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="where to write the table")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="where to write the plots")
    args, overrides = parser.parse_known_args(argv)
    cells = [
        (data, name)
        for data in _names(args.data, DATA, "--data")
        for name in _names(args.recipes, RECIPES, "--recipes")
    ]
    if args.out:
        paths.check_file(args.out, "--out")
    if args.pictures:
        paths.check_folder(args.pictures, "--pictures")
    if args.out and args.pictures:
        paths.check_apart(args.out, "--out", args.pictures, "--pictures")
    if args.steps is not None:
        overrides.append(f"--config.steps={args.steps}")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.evaluation.mode_study import study

    start, rows = time.perf_counter(), []
    for data, name in cells:
        cell_start = time.perf_counter()
        config = configs.load(f"{args.config}:recipe={name},data={data}")
        configs.override(config, overrides)
        scores, picture = study(config.to_dict(), args.seeds, args.generator)
        rows.append(row(data, name, scores))
        print(f"{rows[-1]} {time.perf_counter() - cell_start:.0f} s", file=sys.stderr)
        if args.pictures:
            files.folder(args.pictures)
            raster.save_png(args.pictures / f"{data}-{name}.png", picture)
    generator = args.generator or ("averaged" if config.game.get("ema") else "last")
    text = table(rows, args.seeds, generator, (time.perf_counter() - start) / 60)
    print(text)
    if args.out:
        files.folder(args.out.parent)
        files.write(args.out, text + "\n")
    return 0


def row(data: str, name: str, scores: Mapping[str, Any]) -> str:
    """Formats a line of the table; `scores` are Estimates by name, as in `study`."""
    modes, high, kl = scores["modes"], scores["high_quality"].scaled(100), scores["reverse_kl"]
    return (
        f"| {data} | {name} | {_range(modes, 1)} of {len(toy.modes(data)[0])} "
        f"| {_range(high, 1)} % | {_range(kl, 2)} |"
    )


def _range(figure: Any, digits: int) -> str:
    """Formats a figure and its interval: '7.6 (6.9 to 7.9)'."""
    value, low, high = (f"{x:.{digits}f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high})"


def table(rows: list[str], n: int, generator: str, minutes: float) -> str:
    """Returns the Markdown table, and below it how its figures were obtained."""
    head = "| data | recipe | modes covered | high quality | reverse KL, nats |"
    note = (
        f"Mean and 95 % interval over {n} seeds, {POINTS} points each of the "
        f"{generator} generator; a mode is covered by {SHARE:.0%} of the points that "
        f"the data have there; {minutes:.1f} minutes."
    )
    return "\n".join([head, "|---|---|---|---|---|", *rows, "", note])


def _names(text: str, known: tuple[str, ...], flag: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise UserError(f"{flag}={text}: no {name!r}{nearest(name, known)}")
    return names


if __name__ == "__main__":
    run(main)
