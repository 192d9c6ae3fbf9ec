"""DCGAN on real digits: the run to start with.

    python -m jaxgan.main --config=experiments/dcgan.py
    python -m jaxgan.main --config=experiments/dcgan.py:celeba
    python -m jaxgan.main --config=experiments/dcgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/dcgan.py:smoke

Paper: Radford et al. 2016, https://arxiv.org/abs/1511.06434. Batch, Adam and weight init are the
paper's; the averaged generator is an addition.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 32x32 with narrow nets; `celeba` is the paper's 64x64x3 run."""
    args = arguments(arg, smoke=False, celeba=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 5000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32},
        "loss": "non_saturating",
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": adam, "d": adam}
    config.log = {"every": 50, "pictures": 500, "samples": 64}
    config.checkpoint = {"every": 1000, "keep": 2}

    if args.celeba:
        config.data = {"name": "tfds:celeb_a", "res": 64, "flip": True}
    if args.celeba or args.data != "mnist":
        config.batch, config.steps = 128, "25epochs"
        config.game.g.width = config.game.d.width = 64 if args.res < 128 else 32
        config.game.ema = 0.999
    return smoke(config) if args.smoke else config
