"""Compiles a run's training steps for TPUs that are not here: memory, FLOPs, exchanges, time.

  python -m jaxgan.compile --config=experiments/dcgan.py:res=64 --topology=v5e:2x2 --shape=64,64,3
  python -m jaxgan.compile --config=experiments/stylegan2.py:ffhq --topology=v5e:16x16 \\
      --shape=1024,1024,3 --per_chip=4 --turns=worst
  python -m jaxgan.compile --config=experiments/progan.py --topology=cpu:4 --stage=16

Topologies are Google's names of slices of TPU v5e, v5p and v6e, which need libtpu, as
pip install jaxgan[tpu] brings it, and no TPU; cpu:N, and host for the devices that are here.

Every distinct set of turns of every stage is a row, from the program that training dispatches:
memory at its peak and between steps, FLOPs and bytes by XLA's cost analysis, all of one chip. What
does not fit is compiled again with fewer images, for the most that do. Where a dispatch takes
several steps, all but memory is of one cycle of turns. The roofline of a step on n chips is

  max(FLOPs / peak, bytes / memory's rate) + 2 (n - 1) / n x bytes all-reduced / ICI's rate

with Google's figures (jaxgan/compilation/roofline.py; between slices DCN's rate is added). Warnings
say what a split batch should not have: arrays of the global batch's length on each chip, and, of
one slice, exchanges other than all-reduces (of those between slices XLA makes several kinds).

Writes:
  stdout  a Markdown table; with --json, an object a row and line
  stderr  warnings
Exit codes:
  0   everything fits
  1   something does not fit
  2   bad input: one line on stderr
"""

import argparse
import json
import math
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from jaxgan import config as configs
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, whole

if TYPE_CHECKING:
    from jaxgan.compilation.survey import Row

COLUMNS = "| stage | turns | chips x images | peak, GiB | held, GiB | GFLOP | GB moved | exchanges "
COLUMNS += "| compile, s | roofline, ms | fits |\n|---|---|---|---|---|---|---|---|---|---|---|"


def main(argv: list[str]) -> int:
    """Parses the flags and compiles; returns the exit code."""
    args, overrides = parse(argv)
    config = configs.load(args.config)
    configs.override(config, overrides)
    set_variables(args.topology)
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.compilation.survey import Wish, survey

    wish = Wish(
        args.topology, args.slices, args.per_chip, args.stage, args.turns == "worst",
        args.shape, args.classes, args.fast,
    )  # fmt: skip
    rows = survey(config.to_dict(), wish)
    fit, heading = True, "" if args.json else COLUMNS
    for row in rows:
        fit &= row.figures.fits
        if heading:
            print(heading)
        heading = ""
        print(json.dumps(plain(args.config, args.topology, row)) if args.json else line(row))
        sys.stdout.flush()
        for text in row.figures.warnings:
            print(f"warning: {row.stage} {row.turns}: {text}", file=sys.stderr)
    return 0 if fit else 1


def parse(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Parses the flags; returns them and those of the config."""
    parser = Parser("compile", __doc__)
    parser.add_argument("--config", required=True, metavar="FILE[:ARG]", help="as for jaxgan.main")
    parser.add_argument(
        "--topology", required=True, metavar="NAME", help="v5e:16x16, say, cpu:8 or host"
    )
    parser.add_argument(
        "--slices", type=whole(1, 256), default=1, help="how many of it (default: 1)"
    )
    parser.add_argument(
        "--per_chip",
        type=whole(1, 2**16),
        metavar="N",
        help="images a chip, in --stage, else in the last one (default: the config's batch)",
    )
    parser.add_argument(
        "--stage", type=whole(1, 8192), metavar="RES", help="a resolution (default: all stages)"
    )
    parser.add_argument(
        "--turns",
        choices=("all", "worst"),
        default="all",
        help="every set of turns, or of each stage the one with the most (default: all)",
    )
    parser.add_argument(
        "--shape", type=shape, metavar="H,W,C", help="of an item, where the data are not here"
    )
    parser.add_argument(
        "--classes", type=whole(0, 2**16), default=0, metavar="N", help="of --shape (default: 0)"
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="without optimization: minutes become seconds, and memory is more than it will be",
    )
    parser.add_argument("--json", action="store_true", help="a JSON object a row, on stdout")
    args, overrides = parser.parse_known_args(argv)
    if args.classes and args.shape is None:
        raise UserError(f"--classes={args.classes}: the data say theirs; pass it with --shape")
    return args, overrides


def shape(text: str) -> tuple[int, ...]:
    """Parses '64,64,3', or '2' of points."""
    axis = whole(1, 8192)
    axes = tuple(axis(each) for each in text.split(","))
    if len(axes) not in (1, 3):
        raise argparse.ArgumentTypeError(f"{text}: give H,W,C, or one number for points")
    return axes


def set_variables(topology: str) -> None:
    """Sets what jax and libtpu read as they are loaded.

    JAX must look for no accelerator, and libtpu not wait for one; compiled programs are not kept,
    as their seconds are to be known. Simulated devices are one flag's or the other's.
    """
    os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")
    family, _, n = topology.partition(":")
    if family == "host":
        return
    os.environ["JAX_PLATFORMS"] = "cpu"
    if family != "cpu":
        os.environ |= {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    elif "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        os.environ["JAX_NUM_CPU_DEVICES"] = n if re.fullmatch("[1-9][0-9]{0,2}", n) else "1"


def line(row: "Row") -> str:
    """Formats a row of the Markdown table."""
    f = row.figures
    exchanges = [f"{each.count} {k}, {each.nbytes / 1e6:.3g} MB" for k, each in f.exchanges.items()]
    bound = f.roofline and f"{1e3 * f.roofline.total:.3g} ({f.roofline.bound})"
    cells = [
        row.stage,
        row.turns,
        f"{row.devices} x {row.per_device}",
        amount(f.peak, 2**30),
        amount(f.arguments, 2**30),
        amount(f.flops, 1e9),
        amount(f.nbytes, 1e9),
        "; ".join(exchanges) or "none",
        f"{f.seconds:.0f}",
        bound or "",
        verdict(row),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def verdict(row: "Row") -> str:
    """Says whether a row fits, and what would where it does not."""
    if row.figures.fits:
        return "yes"
    limit = amount(row.figures.limit, 2**30) or "?"
    most = f"{row.largest} a chip would" if row.largest else "not even 1 a chip would"
    tried = f"; try {' '.join(row.remedies)}" if row.remedies else ""
    return f"no, of {limit}: {most}{tried}"


def amount(number: float | None, unit: float) -> str:
    """Formats a number in a unit, three digits of it; '' where it is not known."""
    if number is None:
        return ""
    digits = max(0, 2 - math.floor(math.log10(number / unit))) if number > 0 else 0
    return f"{number / unit:,.{min(digits, 4)}f}"


def plain(config: str, topology: str, row: "Row") -> dict[str, Any]:
    """Returns a row as JSON has it: null is what is not known."""
    figures = row.figures._asdict()
    figures["exchanges"] = {kind: each._asdict() for kind, each in row.figures.exchanges.items()}
    figures["roofline"] = row.figures.roofline and row.figures.roofline._asdict()
    told = {"config": config, "topology": topology, **row._asdict(), **figures}
    del told["figures"]
    return told


if __name__ == "__main__":
    run(main)
