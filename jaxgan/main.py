"""`python -m jaxgan.main --config=experiments/x.py`: trains a recipe, or goes on training it."""

import argparse
import sys
from pathlib import Path

from jaxgan import config as configs
from jaxgan.runtime import clock, environment
from jaxgan.runtime.errors import run

HELP = """Trains the GAN that a config file describes. The same command goes on where it stopped.

  --config=experiments/dcgan.py           the recipe
  --config=experiments/dcgan.py:smoke     a preset of it; its docstring lists them
  --config.steps=20000                    any key of the config; also '600kimg', '10epochs'
  --config.optim.g.lr=1e-4
"""


def main(argv: list[str]) -> int:
    """Parses the flags and trains; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m jaxgan.main", description=HELP, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", required=True, metavar="FILE[:ARG]", help="the experiment")
    parser.add_argument(
        "--workdir",
        type=Path,
        metavar="DIR",
        help="checkpoints, samples, logs (default: runs/<experiment>[-<arg>])",
    )
    args, overrides = parser.parse_known_args(argv)
    config = configs.load(args.config)
    configs.override(config, overrides)
    workdir = args.workdir or default_workdir(args.config)
    environment.prepare()
    # jax is slow to import: --help and bad flags need not wait
    from jaxgan.training.loop import train

    since = clock.Clock(clock.age())
    since.lap("imports")
    print(f"{args.config} in {workdir}", file=sys.stderr)
    return train(config.to_dict(), workdir, since)


def default_workdir(text: str) -> Path:
    """--config=experiments/dcgan.py:smoke -> runs/dcgan-smoke."""
    path, _, arg = text.partition(":")
    name = "".join(c if c.isalnum() or c in "._=-" else "-" for c in f"{Path(path).stem}-{arg}")
    return Path("runs") / name.strip("-")


if __name__ == "__main__":
    run(main)
