"""Spectral norm regularization: large singular values of the critic are penalized, none is fixed.

    python -m jaxgan.main --config=experiments/snreg.py
    python -m jaxgan.main --config=experiments/snreg.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/snreg.py:smoke

After Yoshida & Miyato 2017, https://arxiv.org/abs/1705.10941, equation 4, which is for classifiers:
weight/2 times the sum of the squared largest singular values of the critic's kernels is added to
its loss. This is not spectral normalization (sngan.py). Nets and Adam are DCGAN's, without
BatchNorm in the critic, whose scale would undo the penalty. Expect digits like dcgan.py's and a
smaller gap between d's outputs on real and fake images. No figure has been recorded.
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
        "regularizers": {"spectral": {"weight": 0.1, "iterations": 10}},
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    return smoke(config, width=8) if args.smoke else config
