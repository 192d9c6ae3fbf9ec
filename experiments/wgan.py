"""WGAN with weight clipping, DCGAN's nets, on the digits.

    python -m jaxgan.main --config=experiments/wgan.py
    python -m jaxgan.main --config=experiments/wgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/wgan.py:smoke

Paper: Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875, Algorithm 1: RMSProp at 5e-5 for
both, every weight of the critic clipped to +-0.01, five critic steps per generator step, batch size
64. config.steps counts the critic's. The critic has no BatchNorm. Expect slow, steady progress, and
a critic's loss that shrinks as the digits improve. Clipping is the weakest of the Lipschitz
constraints; a published FID on CIFAR-10 is in experiments/README.md.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32."""
    args = arguments(arg, smoke=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 50_000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32, "norm": "Identity"},
        "loss": "wasserstein",
        "latent": 100,
        "n_critic": 5,
        "ema": 0.998,
    }
    rmsprop = {"name": "rmsprop", "lr": 5e-5}
    config.optim = {"g": dict(rmsprop), "d": {**rmsprop, "clip": 0.01}}
    config.log = {"pictures": 1000}
    config.checkpoint = {"every": 2000}
    return smoke(config, width=8) if args.smoke else config
