"""DualGAN: two translations that undo each other, with U-Nets and clipped Wasserstein critics.

    python -m jaxgan.main --config=experiments/dualgan.py
    python -m jaxgan.main --config=experiments/dualgan.py:res=64,data=pair:/path/of/day_and_night
    python -m jaxgan.main --config=experiments/dualgan.py:smoke

Paper: Yi et al. 2017, https://arxiv.org/abs/1704.02510: experiments/cyclegan.py's game with
Wasserstein critics of patches whose weights are clipped, RMSProp at 5e-5, and L1 reconstruction
whose weight the paper has between 100 and 1000 beside the critics' mean scores; here 20, no
identity term and one critic step per generator step, where the paper has 2 to 4. Its dropout is
left out. The nets are narrow, for two CPU cores.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config at 32x32."""
    args = arguments(arg, smoke=False, res=32, data="photos_ab")
    config = ConfigDict()
    config.seed = 0
    config.steps = 2500
    config.batch = 8
    config.data = {"name": args.data, "res": args.res, "flip": True}
    config.game = {
        "name": "translation",
        "g": {
            "name": "cyclegan.EncoderDecoder",
            "width": 32,
            "norm": "InstanceNorm",
            "skips": True,
        },
        "d": {"name": "cyclegan.PatchDiscriminator", "width": 32},
        "loss": "wasserstein",
        "reconstruction": "l1",
        "cycle": 20.0,
    }
    config.optim = {
        "g": {"name": "rmsprop", "lr": 5e-5, "rho": 0.9},
        "d": {"name": "rmsprop", "lr": 5e-5, "rho": 0.9, "clip": 0.01},
    }
    config.log = {"samples": 8}
    return smoke(config, width=4) if args.smoke else config
