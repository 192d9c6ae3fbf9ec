"""DiscoGAN: two translations that undo each other, with plain encoder-decoder nets.

    python -m jaxgan.main --config=experiments/discogan.py
    python -m jaxgan.main --config=experiments/discogan.py:res=64,data=pair:/path/of/edges_and_shoes
    python -m jaxgan.main --config=experiments/discogan.py:smoke

Paper: Kim et al. 2017, https://arxiv.org/abs/1703.05192: experiments/cyclegan.py's game with the
cross-entropy on logits of whole images, squared reconstruction errors of weight 1, no identity
term, BatchNorm, Adam 2e-4 with betas (0.5, 0.999). Its weight decay of 1e-4 is left out. The nets
are narrow, for two CPU cores.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config at 32x32."""
    args = arguments(arg, smoke=False, res=32, data="photos_ab")
    config = ConfigDict()
    config.seed = 0
    config.steps = 5000
    config.batch = 32
    config.data = {"name": args.data, "res": args.res, "flip": True}
    config.game = {
        "name": "translation",
        "g": {"name": "cyclegan.EncoderDecoder", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32},
        "loss": "non_saturating",
        "reconstruction": "l2",
        "cycle": 1.0,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"samples": 8}
    return smoke(config, width=4) if args.smoke else config
