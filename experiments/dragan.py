"""DRAGAN: the gradient penalty around the data only, with the original loss.

    python -m jaxgan.main --config=experiments/dragan.py
    python -m jaxgan.main --config=experiments/dragan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/dragan.py:smoke

Paper: Kodali et al. 2017, https://arxiv.org/abs/1705.07215: lambda 10, target 1, at reals plus
0.5 std U(0, 1); one critic step to one of the generator. The critic has no BatchNorm, which mixes
the samples whose gradients are penalised. Nets and Adam are DCGAN's. Expect clean digits of all
ten classes; a public suite reports FID 41.59 on CIFAR-10 (10k test images).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 32x32."""
    args = arguments(arg, smoke=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 8000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32, "norm": "Identity"},
        "loss": "non_saturating",
        "regularizers": {"dragan": {"weight": 10.0, "target": 1.0, "scale": 0.5}},
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 50, "pictures": 500, "samples": 64}
    config.checkpoint = {"every": 1000, "keep": 2}
    if args.smoke:
        config.game.g.width = config.game.d.width = 8
    return smoke(config) if args.smoke else config
