"""`python -m jaxgan.convert`: published StyleGAN2-ADA weights into a run, and a run's out again."""

import argparse
from pathlib import Path

from jaxgan import config as configs
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run

HELP = """Published weights become a run that samples and trains on; nothing in their file is run.

  jaxgan.convert ffhq.pkl --workdir=runs/ffhq          also .pt, .pth, .npz
  jaxgan.sample --workdir=runs/ffhq --out=grid.png
  jaxgan.main --config=runs/ffhq/config.py --workdir=runs/ffhq
  jaxgan.convert --workdir=runs/ffhq --out=G_ema.npz   the averaged generator, published names
"""


def main(argv: list[str]) -> int:
    """Parses the flags; reads or writes weights."""
    parser = argparse.ArgumentParser(
        "python -m jaxgan.convert", description=HELP, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("weights", nargs="?", type=Path, help="a file to read")
    parser.add_argument("--workdir", type=Path, required=True, help="the run")
    parser.add_argument("--out", type=Path, help="FILE.npz to write the run's generator to")
    parser.add_argument(
        "--config",
        default="experiments/stylegan2.py",
        metavar="FILE[:ARG]",
        help="data, optimisers, weights of the losses to train on with (default: %(default)s)",
    )
    args, overrides = parser.parse_known_args(argv)
    if (args.weights is None) == (args.out is None):
        raise UserError("name a file of weights to read, or --out=FILE.npz to write, not both")
    if args.out and overrides:
        raise UserError(f"{overrides[0]}: not understood beside --out")
    environment.prepare()
    # jax is slow to import: --help and bad flags need not wait
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
