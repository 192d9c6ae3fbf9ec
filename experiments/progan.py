"""Progressive GAN: both nets start at 4x4 pixels, and each next resolution fades in.

    python -m jaxgan.main --config=experiments/progan.py
    python -m jaxgan.main --config=experiments/progan.py:max_res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/progan.py:paper,data=folder:/path/to/celeba-hq
    python -m jaxgan.main --config=experiments/progan.py:smoke

Paper: Karras et al. 2018, https://arxiv.org/abs/1710.10196. `paper` is CelebA-HQ at 1024 pixels,
following appendix A.1 and the authors' one-GPU preset: WGAN-GP with drift, Adam at 1e-3 (0, 0.99)
restarted where a resolution begins and where its fade ends, 1.5e-3 at 1024 pixels as in that preset
(1e-3 in the appendix), 600 kimg to fade in and 600 to train at each, 12,000 in all, batch sizes
from 128 at 4 pixels down to 4. It has not been run here. Real images are read at the last
resolution in every stage. The critic halves images after the rectifier (the paper's table 2); the
authors' code by default before bias and rectifier, in one operation with the convolution.

The default, `laptop`, has narrow nets, digits at 32 pixels, 12 kimg per phase and Adam at 2e-3, for
two CPU cores: 180 kimg. So few steps need a shorter average of the generator than the paper's: with
0.999, the averages of newly grown layers are still half initial weights. Expect round shapes
without detail on 1,400 color images; sliced Wasserstein distances are in experiments/README.md.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke

BATCHES = {"32": 64, "64": 32, "128": 16, "256": 8, "512": 4}  # from each resolution on
RATES = {"1024": 1.5}
LAPTOP = {"16": 32, "32": 16, "128": 8}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config with narrow nets for a laptop, or the paper's."""
    args = arguments(arg, smoke=False, paper=False, laptop=True, max_res=0, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = "12000kimg" if args.paper else "180kimg"
    config.batch = 128 if args.paper else 64
    config.data = {
        "name": args.data,
        "res": args.max_res or (1024 if args.paper else 32),
        "flip": args.paper,
    }
    phase = 2 if args.smoke else "600kimg" if args.paper else "12kimg"
    batches = {} if args.smoke else BATCHES if args.paper else LAPTOP
    config.growth = {"first": 4, "stable": phase, "fade": phase, "batch": batches}
    if args.paper:
        config.growth.rate = RATES
    width = {"channel_base": 16384, "channel_max": 512}
    if not args.paper:
        width = {"channel_base": 512, "channel_max": 64}
    config.ema_warmup = not args.paper
    config.game = {
        "name": "progressive",
        "g": {"name": "progan.Generator", **width},
        "d": {"name": "progan.Discriminator", **width},
        "loss": "wasserstein",
        "regularizers": {
            "gradient_penalty": {"weight": 10.0, "target": 1.0},
            "drift": {"weight": 0.001},
        },
        "latent": 512 if args.paper else 64,
        "ema": 0.999 if args.paper else 0.995,
    }
    adam = {"name": "adam", "lr": 1e-3 if args.paper else 2e-3, "b1": 0.0, "b2": 0.99}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    if args.smoke:
        config.data.res = 8
        config.game.g.channel_max = config.game.d.channel_max = 8
    return smoke(config) if args.smoke else config
