"""Converts published StyleGAN2-ADA weights to a run, or a run's averaged generator back.

  python -m jaxgan.convert ffhq.pkl --workdir=runs/ffhq           also .pt, .pth, .npz
  python -m jaxgan.sample --workdir=runs/ffhq --out=grid.png
  python -m jaxgan.main --config=runs/ffhq/config.py --workdir=runs/ffhq
  python -m jaxgan.convert --workdir=runs/ffhq --out=G_ema.npz

No code in the file of weights is run.

Writes:
  WORKDIR         from a file of weights, a run at step 0 that can be sampled and trained:
                  config.json, config.py, checkpoints/
  --out=FILE.npz  the averaged generator under its published names
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

from pathlib import Path

from jaxgan import config as configs
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser


def main(argv: list[str]) -> int:
    """Parses the flags, then reads or writes weights; returns the exit code."""
    parser = Parser("convert", __doc__)
    parser.add_argument("weights", nargs="?", type=Path, help="a file of weights to read")
    parser.add_argument(
        "--workdir", type=Path, required=True, metavar="DIR", help="the folder of the run"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.npz", help="where to write the run's generator"
    )
    parser.add_argument(
        "--config",
        default="experiments/stylegan2.py",
        metavar="FILE[:ARG]",
        help="sets the data, optimizers and loss weights of further training (default: "
        "%(default)s); any of its keys is a flag, as for jaxgan.main",
    )
    args, overrides = parser.parse_known_args(argv)
    if (args.weights is None) == (args.out is None):
        raise UserError("name a file of weights to read, or --out=FILE.npz to write, not both")
    if args.out and overrides:
        raise UserError(f"{overrides[0]}: not understood together with --out")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.weights import runs

    if args.out:
        runs.write(args.workdir, args.out)
        return 0
    config = configs.load(args.config)
    configs.override(config, overrides)
    runs.read(args.weights, args.workdir, config.to_dict(), args.config)
    return 0


if __name__ == "__main__":
    run(main)
