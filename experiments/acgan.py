"""ACGAN: d also classifies, and both players minimize the class cross-entropy.

    python -m jaxgan.main --config=experiments/acgan.py
    python -m jaxgan.main --config=experiments/acgan.py:tutorial
    python -m jaxgan.main --config=experiments/acgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/acgan.py:smoke

Paper: Odena et al. 2017, https://arxiv.org/abs/1610.09585. The default puts ACGAN's class head on
DCGAN's nets, narrow and quick on two CPU cores, and departs from the paper so that classes keep
their variety: D is spectrally normalized instead of batch-normalized, G's class term weighs 0.3
instead of 1, and rates fall over the second half, so that averaged weights catch up with the last.
`tutorial` has the nets, batch size, weights, fresh labels for fakes and Adam of the GAN Step By
Step tutorial (32x32), and needs an accelerator. experiments/README.md has agreement and spread on
digits and color images.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32."""
    args = arguments(arg, smoke=False, tutorial=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 20_000 if args.tutorial else 4000
    config.batch = 64 if args.tutorial else 32
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {
            "name": "dcgan.Discriminator",
            "width": 32,
            "norm": "Identity",
            "spectral": True,
        },
        "loss": "non_saturating",
        "condition": "label",
        "auxiliary": {"name": "acgan", "d_weight": 1.0, "g_weight": 0.3},
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.5, "b2": 0.999}
    adam |= {"decay": "linear", "decay_from": 0.5}
    if args.tutorial:
        config.game.g = {"name": "acgan.Generator", "width": 128}
        config.game.d = {"name": "acgan.Discriminator", "width": 16}
        config.game.auxiliary.g_weight = 1.0
        config.game.update({"ema": 0.999, "fresh_labels": True})
        adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    return smoke(config, width=8) if args.smoke else config
