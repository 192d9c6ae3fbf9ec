"""Progressive GAN: both nets start at 4x4 pixels, and each next resolution fades in.

    python -m jaxgan.main --config=experiments/progan.py
    python -m jaxgan.main --config=experiments/progan.py:max_res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/progan.py:paper,data=folder:/path/to/celeba-hq
    python -m jaxgan.main --config=experiments/progan.py:smoke

Paper: Karras et al. 2018, https://arxiv.org/abs/1710.10196. `paper` is CelebA-HQ at 1024 pixels as
appendix A.1 and the authors' one-GPU preset have it: WGAN-GP with drift, Adam 1e-3 (0, 0.99) that
each resolution starts anew, 600 thousand images to fade in and 600 to train at each, 12,000 in all,
batches from 128 at 4 pixels down to 4. The authors trained for four days on eight Tesla V100:
published, not measured here. Reals are read at the last resolution whatever the stage.

The default, `laptop`, has narrow nets, digits of 32 pixels, 12 thousand images a phase and Adam at
2e-3, for two CPU cores: 180 thousand images. Its few steps want a shorter average of the generator
than the paper's: with 0.999 layers just grown are still half as they began. On 1,400 emoji with
`--config.data.flip=True`, expect round faces, hair, signs and rings in an emoji's colours, without
their detail, after 121 thousand images: sliced Wasserstein distance 64.9, 25.5 and 18.4 e-3 after
50, 87 and 121 thousand, of all 1,400 (`jaxgan.evaluate --metrics=swd`). `max_res=64` spends
most of the same 180 thousand on growing: 25.2 e-3 at its end, faces among shapes with a grain of
lines. The paper's was not run.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke

BATCHES = {"32": 64, "64": 32, "128": 16, "256": 8, "512": 4}  # from each resolution on
LAPTOP = {"16": 32, "32": 16, "128": 8}


def get_config(arg: str | None = None) -> ConfigDict:
    """Narrow nets for a laptop, or the paper's."""
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
    width = {"channel_base": 16384, "channel_max": 512}
    if not args.paper:
        width = {"channel_base": 512, "channel_max": 64}
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
    config.log = {"every": 50, "pictures": 1000, "samples": 64}
    config.checkpoint = {"every": 1000, "keep": 2}
    if args.smoke:
        config.data.res = 8
        config.game.g.channel_max = config.game.d.channel_max = 8
    return smoke(config) if args.smoke else config
