"""Explores the latent space of a trained run, by studies in pictures or arrays.

  python -m jaxgan.explore VERB --workdir=DIR --out=FILE
  python -m jaxgan.explore interpolate --workdir=runs/dcgan --out=between.png
  python -m jaxgan.explore sweep --workdir=runs/dcgan --dims=all --out=dims.png
  python -m jaxgan.explore walk --workdir=runs/stylegan2 --space=w --out=walk.gif
  python -m jaxgan.explore VERB --help lists the flags of a verb

Writes:
  --out=FILE.png, .webp  a sheet whose rows and columns have names; of points, a plot
  --out=FILE.gif         an animation: a path, or the sheet's columns in turn
  --out=FILE.npz         images, float32 in [-1, 1], or points; the latents and labels that they
                         are made from, and the figures of the study
  --save-latents=FILE    the latents and labels alone, as .npz
  stderr                 what was found, in a line or two
Exit codes:
  0   done
  2   bad input, or a run that has not what the study is of: one line on stderr
"""

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

from jaxgan.config.registry import files, nearest
from jaxgan.runtime import environment, errors, paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.files import folder
from jaxgan.runtime.parser import SEED, Parser, add_choice, choice, whole
from jaxgan.runtime.remote import copies
from jaxgan.studies.common import space as spaces
from jaxgan.studies.common import study as studies

HOMES = ("jaxgan.studies.samples", "jaxgan.studies.latents", "jaxgan.studies.styles")


def main(argv: list[str]) -> int:
    """Parses the verb and its flags, and writes what its study finds; returns the exit code."""
    verbs = {name: (home, line) for home in HOMES for name, line in files(home).items()}
    listed = "\n".join(f"  {name:11} {line}" for name, (_, line) in verbs.items())
    first = Parser("explore", f"{__doc__}\nVerbs:\n{listed}")
    first.usage = "python -m jaxgan.explore VERB --workdir=DIR --out=FILE [flags]"
    if not argv or argv[0].startswith("-"):
        first.parse_known_args(argv)  # prints --help
        raise UserError(f"name a verb: {', '.join(verbs)}; see python -m jaxgan.explore --help")
    verb = argv[0].replace("our", "or")  # of British spelling too
    if verb not in verbs:
        raise UserError(f"{paths.shown(argv[0])}: no such verb{nearest(verb, verbs)}")
    module = importlib.import_module(f"{verbs[verb][0]}.{verb}")
    args = _parser(verb, module).parse_args(argv[1:])
    _check(args)
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.generation.run import open_run

    run = open_run(args.workdir, args.step, args.replica, **choice(args))
    if run.record:
        studies.check(args.out, run.spec.other or run.spec.shape)
    study = module.study(run, args)
    folder(args.out.parent)
    studies.store(args.out, study)
    if getattr(args, "save_latents", None):
        spaces.save_latents(args.save_latents, dict(study.arrays))
    for line in (*study.lines, f"{verb} of step {run.step} in {args.out}"):
        print(line, file=sys.stderr)
    return 0


def _parser(verb: str, module: ModuleType) -> Parser:
    """Builds the parser of a verb: what all share, and what its module adds."""
    text = module.__doc__ or ""
    parser = Parser(f"explore {verb}", f"Shows {text}")
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help=f"{', '.join(studies.SUFFIXES)}"
    )
    parser.add_argument(
        "--step", type=whole(0, SEED), help="of a checkpoint that is kept (default: the newest)"
    )
    parser.add_argument("--seed", type=whole(0, SEED), default=0, help="of every draw (default: 0)")
    parser.add_argument(
        "--replica", type=whole(0, SEED), default=0, help="which of config.seeds (default: 0)"
    )
    add_choice(parser)
    module.flags(parser)
    return parser


def _check(args: argparse.Namespace) -> None:
    """Refuses files that cannot be written or read, and flags of which one would be dropped."""
    copies.check(args.workdir, "--workdir")
    if args.out.suffix not in studies.SUFFIXES:
        kinds = ", ".join(studies.SUFFIXES)
        raise UserError(f"--out={paths.shown(args.out)}: write one of {kinds}")
    paths.check_file(args.out, "--out")
    if getattr(args, "save_latents", None):
        if args.save_latents.suffix != ".npz":
            raise UserError(f"--save-latents={paths.shown(args.save_latents)}: write an .npz")
        paths.check_file(args.save_latents, "--save-latents")
        paths.check_apart(args.out, "--out", args.save_latents, "--save-latents")
    if getattr(args, "latents", None):
        alone = args.latents.suffix == ".npy"  # z, without labels or conditions
        for name in ("n",) if alone else ("n", "labels", "conditions"):
            if getattr(args, name, None) is not None:
                raise UserError(f"--{name}: --latents={args.latents} says that too; pass one")
    if getattr(args, "steps", None) and args.step is not None:
        raise UserError("--step: --steps names the checkpoints; pass one")


if __name__ == "__main__":
    errors.run(main)
