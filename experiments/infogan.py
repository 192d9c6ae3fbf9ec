"""InfoGAN: an unsupervised code learns the digit's class, slant and width.

    python -m jaxgan.main --config=experiments/infogan.py
    python -m jaxgan.main --config=experiments/infogan.py:paper
    python -m jaxgan.main --config=experiments/infogan.py:odog
    python -m jaxgan.main --config=experiments/infogan.py:smoke
    python -m jaxgan.sample --workdir=runs/infogan --labels=3 --sweep=10 --n=10 --out=sweep.png

Paper: Chen et al. 2016, https://arxiv.org/abs/1606.03657, appendix C.1: 62 noise variables (normal
here, uniform in the authors' code), one ten-way categorical code and two codes in U(-1, 1), Q on
d's trunk, Adam with beta1 0.5. `paper` has its width 64, batch size 128 and rates 1e-3 for g and
2e-4 for d; the default is half as wide, with batch size 64 and 5e-4 for d. `odog` is the ODOG
tutorial's variant: no continuous codes (72 inputs), nets of its own with nearest-neighbor
upsampling, dropout in d and normalization after the rectifiers. The tutorial gives no optimizer;
here both learn at 2e-4.

Expect one digit for most categories after 6,000 steps, and `information_nats` near its bound
(experiments/README.md): log 10 + 2 log 2 - log 2 pi = 1.85, or log 10 = 2.30 with `odog`. A
Gaussian of sigma 1 is too wide for the continuous codes, so their share of the bound is never
positive.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 28x28."""
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
    if args.odog:
        config.game.g = {"name": "infogan.OdogGenerator", "width": 64}
        config.game.d = {"name": "infogan.OdogDiscriminator", "width": 64, "dropout": 0.25}
    rates = (2e-4, 2e-4) if args.odog else (1e-3, 2e-4 if args.paper else 5e-4)
    config.optim = {"g": {**adam, "lr": rates[0]}, "d": {**adam, "lr": rates[1]}}
    return smoke(config, width=8) if args.smoke else config
