"""InfoGAN: a code that nobody labelled comes to mean the digit's class, slant and width.

    python -m jaxgan.main --config=experiments/infogan.py
    python -m jaxgan.main --config=experiments/infogan.py:paper
    python -m jaxgan.main --config=experiments/infogan.py:odog
    python -m jaxgan.main --config=experiments/infogan.py:smoke
    python -m jaxgan.sample --workdir=runs/infogan --labels=3 --sweep=10 --n=10 --out=sweep.png

Paper: Chen et al. 2016, https://arxiv.org/abs/1606.03657, appendix C.1: 62 numbers of noise, one
category of ten and two codes in U(-1, 1), Q on D's trunk, Adam with beta1 0.5. `paper` has its
width 64, batch 128, rates 1e-3 for G and 2e-4 for D; the default is half as wide, batch 64, and D
learns at 5e-4: 6,000 steps. `odog` is the ODOG tutorial's
variant, without continuous codes (72 inputs). Expect one digit for most categories (4, 7 and 9 mix
at times), codes that set slant and width, and `information_nats` near 1.8 of at most log 10 +
2 log 2 - log 2 pi = 1.85, or log 10 = 2.30 with `odog`: a Gaussian of sigma 1 is too wide for the
continuous codes, so that their share of the bound is never above 0.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 28x28."""
    args = arguments(arg, smoke=False, odog=False, paper=False, res=28, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 6000
    config.batch = 128 if args.paper else 64
    config.data = {"name": args.data, "res": args.res}
    width = 64 if args.paper else 32
    config.game = {
        "name": "adversarial",
        "g": {"name": "infogan.Generator", "width": width},
        "d": {"name": "infogan.Discriminator", "width": width},
        "loss": "non_saturating",
        "auxiliary": {
            "name": "infogan",
            "categories": 10,
            "continuous": 0 if args.odog else 2,
            "weight": 1.0,
        },
        "latent": 62,
        "ema": 0.998,
    }
    adam = {"name": "adam", "b1": 0.5, "b2": 0.999}
    config.optim = {"g": {**adam, "lr": 1e-3}, "d": {**adam, "lr": 2e-4 if args.paper else 5e-4}}
    config.log = {"every": 50, "pictures": 500, "samples": 64}
    config.checkpoint = {"every": 1000, "keep": 2}
    if args.smoke:
        config.game.g.width = config.game.d.width = 8
    return smoke(config) if args.smoke else config
