"""ACGAN: d also classifies, and both players minimize the class cross-entropy.

    python -m jaxgan.main --config=experiments/acgan.py
    python -m jaxgan.main --config=experiments/acgan.py:tutorial
    python -m jaxgan.main --config=experiments/acgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/acgan.py:smoke

Paper: Odena et al. 2017, https://arxiv.org/abs/1610.09585. The default puts ACGAN's class head on
DCGAN's nets, narrow and quick on two CPU cores. `tutorial` has the nets, batch size and Adam of the
GAN Step By Step tutorial (32x32), and needs an accelerator. Expect the requested digit in nearly
every sample after 3,000 steps (experiments/README.md).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32."""
    args = arguments(arg, smoke=False, tutorial=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 20_000 if args.tutorial else 5000
    config.batch = 64 if args.tutorial else 32
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32},
        "loss": "non_saturating",
        "condition": "label",
        "auxiliary": {"name": "acgan", "d_weight": 1.0, "g_weight": 1.0},
        "latent": 100,
        "ema": 0.999,
    }
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.5, "b2": 0.999}
    if args.tutorial:
        config.game.g = {"name": "acgan.Generator", "width": 128}
        config.game.d = {"name": "acgan.Discriminator", "width": 16}
        adam["lr"] = 2e-4
    config.optim = {"g": dict(adam), "d": dict(adam)}
    return smoke(config, width=8) if args.smoke else config
