"""Spectral-norm regularisation: large singular values of the critic cost, none is fixed.

    python -m jaxgan.main --config=experiments/snreg.py
    python -m jaxgan.main --config=experiments/snreg.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/snreg.py:smoke

After Yoshida & Miyato 2017, https://arxiv.org/abs/1705.10941 (their equation 4; Yoshida et al.
write of classifiers): the critic's loss gains weight/2 times the sum of squared largest singular
values of its kernels. It is not spectral normalisation (sngan.py). Nets and Adam are DCGAN's, less
BatchNorm in the critic, whose scale would undo the penalty. Expect digits like dcgan.py's and a
smaller gap between D's outputs on reals and fakes.
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
        "regularizers": {"spectral": {"weight": 0.1, "iterations": 10}},
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
