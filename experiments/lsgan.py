"""LSGAN: least squares on the critic's linear output, DCGAN's nets, on the digits.

    python -m jaxgan.main --config=experiments/lsgan.py
    python -m jaxgan.main --config=experiments/lsgan.py:smoke

Paper: Mao et al. 2017, https://arxiv.org/abs/1611.04076 (0-1 coding, its equation 9). No figure has
been recorded.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32."""
    args = arguments(arg, smoke=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 5000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32},
        "loss": {"name": "least_squares", "a": 0.0, "b": 1.0, "c": 1.0},
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    return smoke(config) if args.smoke else config
