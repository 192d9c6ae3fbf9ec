"""Writes a run's generator as a file that other programs call without jaxgan.

  python -m jaxgan.export --workdir=runs/dcgan --out=dcgan.jax
  python -m jaxgan.export --workdir=runs/stylegan2 --psi=0.7 --out=faces.onnx
  python -m jaxgan.export --workdir=runs/cyclegan --direction=b2a --out=b2a.onnx
  python -m jaxgan.export --workdir=runs/dcgan --generator=last --out=weights.npz

The files take any number of rows, of inputs named as in those of sample --out=FILE.npz: latents,
labels, conditions, inputs (images to translate, float32 in [-1, 1]). They return images, float32
(N, H, W, C) in [-1, 1], or points. This calls the first, and the second:

  jax.export.deserialize(bytearray(open("dcgan.jax", "rb").read())).call(latents=z)
  onnxruntime.InferenceSession("faces.onnx").run(None, {"latents": z})[0]

Writes:
  --out=FILE.jax   a program of jax.export, for the platforms asked for
  --out=FILE.onnx  an ONNX model; needs pip install -e '.[onnx]'
  --out=FILE.npz   the arrays that samples depend on, by their place in the run's state, as in
                   ema/g/Dense_0/kernel
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

import argparse
import sys
from pathlib import Path

from jaxgan.runtime import environment, files, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import SEED, Parser, add_choice, choice, real, whole
from jaxgan.runtime.remote import copies

SUFFIXES = (".jax", ".onnx", ".npz")
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def main(argv: list[str]) -> int:
    """Parses the flags and writes the file; returns the exit code."""
    args = _parser().parse_args(argv)
    if args.out.suffix not in SUFFIXES:
        raise UserError(f"--out={paths.shown(args.out)}: write a {', '.join(SUFFIXES)}")
    if args.platforms is not None and args.out.suffix != ".jax":
        raise UserError(f"--platforms: a {args.out.suffix} has none; write a .jax, or leave it out")
    copies.check(args.workdir, "--workdir")
    paths.check_file(args.out, "--out")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.generation import chosen, exported
    from jaxgan.generation.run import open_run

    opened = open_run(args.workdir, args.step, args.replica, **choice(args))
    chosen.check_used(opened.game, opened.choice, "the latents are those of the file's user")
    generator = exported.of(opened, args.direction, args.psi)
    files.folder(args.out.parent)
    if args.out.suffix == ".jax":
        exported.save_program(args.out, generator, args.platforms or PLATFORMS)
    elif args.out.suffix == ".onnx":
        exported.save_onnx(args.out, generator)
    else:
        exported.save_weights(args.out, generator)
    takes = ", ".join(f"{name} {spec.dtype}{spec.shape}" for name, spec in generator.specs.items())
    print(
        f"step {opened.step}, {opened.generator} generator: {takes} -> {generator.output}, "
        f"in {args.out}",
        file=sys.stderr,
    )
    return 0


def _platforms(text: str) -> tuple[str, ...]:
    """Parses --platforms, as in cpu,cuda."""
    names = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in PLATFORMS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: of {', '.join(PLATFORMS)}")
    return names


def _parser() -> Parser:
    """Builds the parser of the flags."""
    parser = Parser("export", __doc__)
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of a run"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="see above")
    parser.add_argument(
        "--platforms",
        type=_platforms,
        metavar="cpu,cuda",
        help=f"that a .jax runs on (default: {','.join(PLATFORMS)})",
    )
    parser.add_argument(
        "--psi",
        type=real(-100, 100),
        help="truncation of style-based generators; 1 for none (default: the config's)",
    )
    parser.add_argument(
        "--direction",
        choices=("a2b", "b2a"),
        default="",
        help="of a run that translates (default: a2b)",
    )
    parser.add_argument(
        "--step", type=whole(0, SEED), help="of a checkpoint that is kept (default: the last)"
    )
    parser.add_argument(
        "--replica", type=whole(0, SEED), default=0, help="which of config.seeds (default: 0)"
    )
    add_choice(parser)
    return parser


if __name__ == "__main__":
    run(main)
