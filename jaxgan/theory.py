"""Draws what losses estimate beside its closed form: optimal critics, JS, W1, KL, gradients.

  python -m jaxgan.theory --out=theory

Small critics learn with the losses of jaxgan/losses on distributions whose divergences are known,
a minute on two CPU cores.

Writes:
  saturation.png   G's minimax and non-saturating loss, and their gradients in D's logit
  optimal.png      the optimal critic between two Gaussians, and its value
  disjoint.png     JS, W1 and KL of disjoint supports, and the gradient that G gets from each
  fits.png         a Gaussian fitted to two modes by the forward and the reverse KL divergence
  theory.md, .csv  the largest deviation of each quantity from its closed form, and the tolerance
Exit codes:
  0   done
  1   a deviation is above its tolerance: its row says so
  2   bad input: one line on stderr
"""

import sys
import time
from pathlib import Path

from jaxgan.runtime import environment, files, paths
from jaxgan.runtime.errors import run
from jaxgan.runtime.parser import SEED, Parser, whole


def main(argv: list[str]) -> int:
    """Parses the flags, runs each study, writes figures and tables; returns the exit code."""
    parser = Parser("theory", __doc__)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder, made where it is absent"
    )
    parser.add_argument(
        "--seed", type=whole(0, SEED), default=0, help="of critics and samples (default: 0)"
    )
    args = parser.parse_args(argv)
    paths.check_folder(args.out, "--out")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.divergences import disjoint, fits, optimal, saturation, tables
    from jaxgan.visual import figures

    files.folder(args.out)
    found = {}
    for module in (saturation, optimal, disjoint, fits):
        start, name = time.perf_counter(), module.__name__.rpartition(".")[2]
        panels, found[name] = module.study(args.seed)
        figures.save(args.out / f"{name}.png", panels)
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    text = tables.as_markdown(found)
    files.write(args.out / "theory.md", text)
    files.write(args.out / "theory.csv", tables.as_csv(found))
    print(text, end="")
    return 0 if all(each.holds for group in found.values() for each in group) else 1


if __name__ == "__main__":
    run(main)
