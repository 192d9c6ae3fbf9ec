"""Measures all replicas of a run for a sweep, and writes the figures beside it.

  python -m jaxgan.ablation.measure --workdir=runs/sweep/base/seed-0 --metrics=swd,d/fake

As jaxgan.evaluate, in one process for all replicas of a run; a metric with a slash that evaluate
does not have is the last value of a key of metrics.jsonl.

Writes:
  WORKDIR/figures.json  {"step": 5000, "figures": {"swd": [41.2], "swd/28": [41.2]}}, a value for
                        each replica, null where it is not finite
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.ablation.results import NAME
from jaxgan.ablation.spec import logged
from jaxgan.config.registry import nearest
from jaxgan.runtime import environment, files, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, whole


def main(argv: list[str]) -> int:
    """Parses the flags, measures and writes; returns the exit code."""
    parser = Parser("ablation.measure", __doc__)
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR", help="of the run")
    parser.add_argument("--metrics", required=True, help="as in swd,d/fake")
    parser.add_argument("--n", type=whole(1, 10**7), help="as evaluate's")
    args = parser.parse_args(argv)
    paths.check_input(args.workdir, "--workdir", folder=True)
    environment.prepare()
    names = args.metrics.split(",")
    evaluated = [name for name in names if not logged(name)]
    step, figures = logged_figures(args.workdir, names)
    if evaluated:
        step, found = evaluations(args.workdir, evaluated, args.n)
        figures |= found
    for name in names:
        if name not in figures:
            raise UserError(f"{args.workdir} has no figure {name!r}{nearest(name, figures)}")
    text = json.dumps({"step": step, "figures": figures}, indent=1, allow_nan=False)
    files.write(args.workdir / NAME, f"{text}\n")
    return 0


def logged_figures(workdir: Path, names: Sequence[str]) -> tuple[int, dict[str, list[Any]]]:
    """Returns the last step in metrics.jsonl, and the last values of the keys among `names`."""
    from jaxgan.training import logger  # slow to import

    values: dict[str, float] = {}
    for row in logger.read(workdir):
        values |= row
    found = {}
    for name in filter(logged, names):
        if name not in values:
            raise UserError(f"{workdir}/metrics.jsonl has no key {name!r}{nearest(name, values)}")
        found[name] = [values[name] if math.isfinite(values[name]) else None]
    return int(values.get("step", 0)), found


def evaluations(
    workdir: Path, names: Sequence[str], n: int | None
) -> tuple[int, dict[str, list[Any]]]:
    """Evaluates each replica of a run.

    Returns:
      The step, and the values by figure: 'swd', its levels 'swd/28'; of a translation 'swd/a2b'.
    """
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.evaluation.run import evaluate
    from jaxgan.evaluation.subject import Subject
    from jaxgan.training.workdir import read

    metrics = list(dict.fromkeys(name.partition("/")[0] for name in names))
    step, found = 0, {}
    for replica in range(read(workdir).config.get("seeds", 1)):
        for row in evaluate(Subject(workdir, n=n, replica=replica), metrics):
            step = row["step"]
            for name, value in flat(row).items():
                found.setdefault(name, []).append(value)
    return step, found


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the figures of evaluate's row: its value, and its levels after a slash."""
    name = "/".join(row[key] for key in ("metric", "direction") if key in row)
    levels = {f"{name}/{level}": value for level, value in row.get("levels", {}).items()}
    return {name: row["value"], **levels}


if __name__ == "__main__":
    run(main)
