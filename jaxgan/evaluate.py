"""`python -m jaxgan.evaluate --workdir=runs/dcgan`: how far a run's samples are from its data."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.registry import files
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run

METRICS = "jaxgan.evaluation.metrics"
HELP = """Evaluates a run's samples against as many of the images that it is trained on.

{metrics}

kid and ppl need pip install -e '.[evals]'. Neither is on the scale of published figures, which are
Inception's and LPIPS'. Each line names its protocol: compare figures of one protocol only. All are
appended to WORKDIR/evaluations.jsonl.
"""


def main(argv: list[str]) -> int:
    """Parses the flags and scores; prints a line for each metric as soon as it is known."""
    metrics = "\n".join(f"  {name:5} {line}" for name, line in files(METRICS).items())
    parser = argparse.ArgumentParser(
        "python -m jaxgan.evaluate",
        description=HELP.format(metrics=metrics),
        formatter_class=argparse.RawTextHelpFormatter,
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
    environment.prepare()
    # jax is slow to import: --help and bad flags need not wait
    from jaxgan.evaluation.run import evaluate
    from jaxgan.evaluation.subject import Subject

    subject = Subject(args.workdir, args.n, args.seed, args.step, args.replica, args.path)
    for row in evaluate(subject, args.metrics.split(",")):
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
