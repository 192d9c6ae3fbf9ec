"""Measures all replicas of a run for a sweep, and writes the figures beside it.

  python -m jaxgan.ablation.measure --workdir=runs/sweep/base/seed-0 --metrics=swd,d/fake

As jaxgan.evaluate, in one process for all replicas of a run; a metric with a slash that evaluate
does not have is the last value of a key of metrics.jsonl. --drawn, once for each cell of a sweep
that has its figures of this run, says how its samples are drawn: --drawn=psi=5e-1:psi=0.5.

Writes:
  WORKDIR/figures.json  {"step": 5000, "figures": {"swd": [41.2], "swd/28": [41.2]}}, a value for
                        each replica, null where it is not finite; by --drawn=NAME:…
                        figures-NAME.json
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.ablation import results
from jaxgan.ablation.spec import drawing, logged
from jaxgan.config.registry import bind, nearest
from jaxgan.runtime import environment, files, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, real, whole

if TYPE_CHECKING:
    from jaxgan.evaluation.subject import Subject


def main(argv: list[str]) -> int:
    """Parses the flags, measures and writes; returns the exit code."""
    parser = Parser("ablation.measure", __doc__)
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR", help="of the run")
    parser.add_argument("--metrics", required=True, help="as in swd,d/fake")
    parser.add_argument("--n", type=whole(1, 10**7), help="as evaluate's")
    parser.add_argument(
        "--drawn", type=drawn, action="append", metavar="NAME:KEY=VALUE,…", help="see above"
    )
    args = parser.parse_args(argv)
    paths.check_input(args.workdir, "--workdir", folder=True)
    environment.prepare()
    for view, options in args.drawn or [drawn(":")]:
        step, figures = measured(args.workdir, args.metrics.split(","), args.n, options)
        text = json.dumps({"step": step, "figures": figures}, indent=1, allow_nan=False)
        files.write(args.workdir / results.name(view), f"{text}\n")
    return 0


def drawn(text: str) -> tuple[str, dict[str, Any]]:
    """Parses --drawn: the name of the figures, and keywords of Subject.

    Raises:
      UserError: an option that there is not, or a value that does not fit.
    """
    view, _, options = text.partition(":")
    given: dict[str, Any] = dict(each.split("=", 1) for each in options.split(",") if "=" in each)
    for name in {"psi", "truncation"} & set(given):
        given[name] = real(-math.inf, math.inf)(given[name])
    return view, bind(drawing, given, at=f"--drawn={text}")()


def measured(
    workdir: Path, names: Sequence[str], n: int | None, options: Mapping[str, Any]
) -> tuple[int, dict[str, list[Any]]]:
    """Returns the step of a run, and the figures of its replicas by name, those of `names` there.

    Args:
      workdir: of the run. n: evaluate's. options: keywords of Subject, how samples are drawn.

    Raises:
      UserError: no such figure.
    """
    evaluated = [name for name in names if not logged(name)]
    step, figures = logged_figures(workdir, names)
    if evaluated:
        step, found = evaluations(workdir, evaluated, n, options)
        figures |= found
    for name in names:
        if name not in figures:
            raise UserError(f"{workdir} has no figure {name!r}{nearest(name, figures)}")
    return step, figures


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
    workdir: Path, names: Sequence[str], n: int | None, options: Mapping[str, Any]
) -> tuple[int, dict[str, list[Any]]]:
    """Evaluates each replica of a run.

    Returns:
      The step, and the values by figure: 'swd', its levels 'swd/28'; of a translation 'swd/a2b'.
    """
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.evaluation.run import evaluate
    from jaxgan.evaluation.subject import Subject
    from jaxgan.training.workdir import read

    first = Subject(workdir, n=n, **options)

    metrics = list(dict.fromkeys(name.partition("/")[0] for name in names))
    step, found = 0, {}
    for replica in range(read(workdir).config.get("seeds", 1)):
        for row in evaluate(of_replica(first, replica), metrics):
            step = row["step"]
            for name, value in flat(row).items():
                found.setdefault(name, []).append(value)
    return step, found


def of_replica(first: "Subject", replica: int) -> "Subject":
    """Returns another replica of the run whose first is given.

    What was read of the data for that one is kept, and so are its compiled programs: a game that is
    restored anew is compiled anew.
    """
    from jaxgan.evaluation.during import KEPT

    if replica == first.replica:
        return first
    found = dataclasses.replace(first, replica=replica)
    vars(found).update({name: value for name, value in vars(first).items() if name in KEPT})
    vars(found)["restored"] = found.restored._replace(game=first.game)
    return found


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the figures of evaluate's row: its value, and its levels after a slash."""
    name = "/".join(row[key] for key in ("metric", "direction") if key in row)
    levels = {f"{name}/{level}": value for level, value in row.get("levels", {}).items()}
    return {name: row["value"], **levels}


if __name__ == "__main__":
    run(main)
