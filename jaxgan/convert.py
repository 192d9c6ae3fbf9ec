"""Converts published weights to a run, or generators back: StyleGAN2-ADA, CycleGAN, BigGAN, R3GAN.

  python -m jaxgan.convert ffhq.pkl --workdir=runs/ffhq           also .pt, .pth, .npz
  python -m jaxgan.sample --workdir=runs/ffhq --out=grid.png
  python -m jaxgan.main --config=runs/ffhq/config.py --workdir=runs/ffhq
  python -m jaxgan.convert --workdir=runs/ffhq --out=G_ema.npz

  python -m jaxgan.convert latest_net_G_A.pth --other=latest_net_G_B.pth --workdir=runs/horses
  python -m jaxgan.translate --workdir=runs/horses --direction=a2b horse.jpg --out=zebras
  python -m jaxgan.convert --workdir=runs/horses --out=G_A.npz --other=G_B.npz

  python -m jaxgan.convert G_ema.pth --other=D.pth --workdir=runs/imagenet
  python -m jaxgan.convert --workdir=runs/imagenet --out=G.npz

  python -m jaxgan.convert network-snapshot-final.pkl --workdir=runs/r3gan
  python -m jaxgan.convert --workdir=runs/r3gan --out=G_ema.npz

A file of CycleGAN is one generator. Without --other the run translates from A to B alone, until it
is trained. BigGAN's are state dicts of PyTorch-StudioGAN or BigGAN-PyTorch, with or without the
discriminator; what is written has the former's names. R3GAN's are the authors' pickles, of any
depth, widths and classes, or state dicts of their nets. PyTorch loads what is written by

  net.load_state_dict({k: torch.from_numpy(v) for k, v in numpy.load("G_A.npz").items()})

No code in the file of weights is run.

Writes:
  WORKDIR         from a file of weights, a run at step 0 that can be sampled and trained:
                  config.json, config.py, checkpoints/
  --out=FILE.npz  the generator, averaged where the run averages it, under its published names; of
                  CycleGAN that from A to B, and with --other=FILE.npz the one back too
Exit codes:
  0   done
  2   bad input: one line on stderr
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.runtime import environment, paths
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser
from jaxgan.runtime.remote import copies

# Words of a config's argument that name what the weights determine too, with their keys.
_WORDS = {
    "res": "data.res",
    "channels": "data.channels",
    "latent": "game.latent",
    "labelled": "game.condition",
    "labels": "game.condition",
    "unlabelled": "game.condition",
}


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
        "--other",
        type=Path,
        metavar="FILE",
        help="of CycleGAN: the generator of the way back, to read, or with --out to write; of "
        "BigGAN and R3GAN: a file with the discriminator, to read",
    )
    parser.add_argument(
        "--config",
        metavar="FILE[:ARG]",
        help="sets the data, optimizers and loss weights of further training (default: by the "
        "weights, experiments/stylegan2.py, cyclegan.py:paper, biggan.py:cifar or r3gan.py:cifar); "
        "any of its keys is a flag, as for jaxgan.main. The weights replace the preset's nets and, "
        "but of CycleGAN, latent, condition and data.res; those that ARG or a flag sets otherwise "
        "are refused",
    )
    args, overrides = parser.parse_known_args(argv)
    if (args.weights is None) == (args.out is None):
        raise UserError("name a file of weights to read, or --out=FILE.npz to write, not both")
    if args.out and (unread := [*["--config"] * (args.config is not None), *overrides]):
        raise UserError(f"{unread[0]}: not understood together with --out")
    if args.out:
        copies.check(args.workdir, "--workdir")
        paths.check_file(args.out, "--out", (".npz",))
        if args.other:
            paths.check_file(args.other, "--other", (".npz",))
            paths.check_apart(args.out, "--out", args.other, "--other")
    else:
        paths.check_input(args.weights, "the weights")
        if args.other:
            paths.check_input(args.other, "--other")
            if args.other.samefile(args.weights):
                raise UserError(f"--other={paths.shown(args.other)}: is the weights' own file")
        paths.check_folder(args.workdir, "--workdir")
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.training.setup import GIVEN, prepare
    from jaxgan.weights import contents, runs

    if args.out:
        runs.write(args.workdir, args.out, args.other)
        return 0
    given = [contents.File(at, contents.read(at)) for at in (args.weights, args.other) if at]
    name = args.config or runs.preset(given[0])
    config = configs.load(name)
    configs.override(config, overrides)
    base = config.to_dict()
    bind(prepare, base, at="config", given=GIVEN)  # training reads it later; it must fit now
    runs.read(given, args.workdir, base, name, _said(name, overrides, base))
    return 0


def _said(name: str, overrides: list[str], config: dict[str, Any]) -> dict[str, Any]:
    """Returns the keys that words of the config's argument and the flags set, with their values."""
    words = [word.partition("=")[0] for word in name.partition(":")[2].split(",")]
    keys = {_WORDS[word] for word in words if word in _WORDS}
    keys |= {flag.removeprefix("--config.").partition("=")[0] for flag in overrides}
    return {key: value for key, value in _flat(config).items() if key in keys}


def _flat(node: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in node.items():
        flat |= _flat(value, f"{at}{key}.") if isinstance(value, Mapping) else {at + key: value}
    return flat


if __name__ == "__main__":
    run(main)
