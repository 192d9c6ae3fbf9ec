"""Writes one page about runs and sweeps, which needs no network.

  python -m jaxgan.report runs/dcgan runs/dcgan-r1 --out=report.html
  python -m jaxgan.report sweeps/losses --out=losses.html
  python -m jaxgan.report runs/dcgan --follow                     while it trains

Of runs: what differs between their configs, curves, samples over training by a slider at equal
images, evaluations with their protocols, warnings, time and versions. Of a sweep: its table with
intervals, and a row of samples for each cell.

Writes:
  --out=FILE.html  the page, below 5 MB; of many pictures evenly spaced ones are kept
Exit codes:
  0   done
  2   bad input: one line on stderr
  130 --follow was stopped by Ctrl-C, by another signal 75; the page stays
"""

import sys
import time
from pathlib import Path

from jaxgan.reporting import page, runs
from jaxgan.reporting.runs import Run, Sweep
from jaxgan.runtime import files, paths
from jaxgan.runtime.errors import run
from jaxgan.runtime.parser import Parser
from jaxgan.runtime.remote import copies

POLL = 1.0  # seconds between looks at the folders


def main(argv: list[str]) -> int:
    """Parses the flags, reads the folders and writes the page; returns the exit code."""
    parser = Parser("report", __doc__)
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="workdirs of runs and of sweeps"
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), metavar="FILE.html",
                        help="the page (default: %(default)s)")  # fmt: skip
    text = "write it anew with each picture, until all runs are done"
    parser.add_argument("--follow", action="store_true", help=text)
    args = parser.parse_args(argv)
    for folder in args.folders:
        copies.check(folder, "DIR")
    paths.check_file(args.out, "--out", (".html",))
    found = runs.read(args.folders)
    write(args.out, found)
    while args.follow and not all(map(done, found[0])):
        time.sleep(POLL)
        new = runs.read(args.folders)
        if [(done(x), x.pictures) for x in new[0]] != [(done(x), x.pictures) for x in found[0]]:
            write(args.out, new)
            found = new
    return 0


def done(run: Run) -> bool:
    """Returns whether a run has logged its last step."""
    return run.steps >= run.record.get("steps", 0)


def write(out: Path, found: tuple[list[Run], list[Sweep]]) -> None:
    """Writes the page, and says how large it is."""
    text = page.page(*found)
    files.folder(out.parent)
    files.write(out, text)
    print(f"{len(text.encode()) / 1e6:.1f} MB in {out}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
