"""DRAGAN: the gradient penalty near the data only, with the original loss.

    python -m jaxgan.main --config=experiments/dragan.py
    python -m jaxgan.main --config=experiments/dragan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/dragan.py:smoke

Paper: Kodali et al. 2017, https://arxiv.org/abs/1705.07215: lambda 10, target 1, at real images
plus 0.5 std U(0, 1), which the authors' code also scales per sample by another U(0, 1); one critic
step per generator step. The critic has no BatchNorm, which would mix the samples whose gradients
are penalized. Nets and Adam are DCGAN's. Expect clean digits of all ten classes; a published FID on
CIFAR-10 is in experiments/README.md.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32."""
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
    return smoke(config, width=8) if args.smoke else config
