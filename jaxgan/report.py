"""Writes one page about runs and sweeps, which needs no network.

  python -m jaxgan.report runs/dcgan runs/dcgan-r1 --out=report.html
  python -m jaxgan.report sweeps/losses --out=losses.html

Of runs: what differs between their configs, curves, samples over training by a slider at equal
images, evaluations with their protocols, warnings, time and versions. Of a sweep: its table with
intervals, and a row of samples for each cell.

Writes:
  --out=FILE.html  the page, below 5 MB; of many pictures evenly spaced ones are kept
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import sys
from pathlib import Path

from jaxgan.reporting import page, runs
from jaxgan.runtime import files, paths
from jaxgan.runtime.errors import run
from jaxgan.runtime.parser import Parser


def main(argv: list[str]) -> int:
    """Parses the flags, reads the folders and writes the page; returns the exit code."""
    parser = Parser("report", __doc__)
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="workdirs of runs and of sweeps"
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE.html",
                        help="the page (default: %(default)s)")  # fmt: skip
    args = parser.parse_args(argv)
    for folder in args.folders:
        paths.check_input(folder, "DIR", folder=True)
    paths.check_file(args.out, "--out", (".html",))
    found = runs.read(args.folders)
    text = page.page(*found)
    files.folder(args.out.parent)
    files.write(args.out, text)
    print(f"{len(text.encode()) / 1e6:.1f} MB in {args.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run(main)
