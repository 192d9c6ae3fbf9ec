"""StackGAN: a small picture of a condition's vector, then a larger one of both.

    python -m jaxgan.main --config=experiments/stackgan.py
    python -m jaxgan.main --config=experiments/stackgan.py:data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stackgan.py:paper,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stackgan.py:smoke

Paper: Zhang et al. 2017, https://arxiv.org/abs/1612.03242. Images come with vectors, as the rows of
a conditions.npy beside a folder's images, such as text embeddings. Conditioning augmentation draws
what each generator takes from a Gaussian of the vector, whose divergence from N(0, I) has weight 2;
discriminators also reject a real image with another's vector. Stage I trains first and is frozen;
stage II takes what it draws, through an encoder, residual blocks and doublings.

`paper` is 64 and 256 pixels with the authors' widths (hanzhanggit/StackGAN-Pytorch), Adam 2e-4
(0.5, 0.999) and 600 epochs for each stage; their rates halve every 100 epochs, here they fall
linearly. It has not been run here, and needs an accelerator. The averaged generators, from which
stage II trains too, are an addition.

The default has digits in six colors, whose captions, as "a red seven", are sums of two words'
vectors: 8 and 32 pixels, narrow, with `residual`: stage II computes what is added to the enlarged
picture, for two CPU cores. Expect the color asked for in nearly every sample, and digits that stage
II makes sharper, a part of them legible.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of colored digits with narrow nets, or of the paper's sizes."""
    args = arguments(arg, smoke=False, paper=False, data="digits_captioned")
    config = ConfigDict()
    config.seed = 0
    config.steps = "1200epochs" if args.paper else 5000
    config.batch = 64 if args.paper else 32
    config.data = {"name": args.data, "res": 256 if args.paper else 32, "flip": args.paper}
    config.growth = {
        "first": 64 if args.paper else 8,
        "factor": 4,
        "stable": "600epochs" if args.paper else 3000,
        "fade": 0,
    }
    g, d, c = (128, 64, 128) if args.paper else (32, 32, 16)
    stage = "64" if args.paper else "8"
    config.game = {
        "name": "pyramid",
        "g": {"name": "stackgan.Refiner", "width": g, "halvings": 2, "blocks": 4},
        "d": {"name": "stackgan.Discriminator", "width": d, "embedding": c},
        "stages": {stage: {"g": {"name": "stackgan.Generator", "width": g}}},
        "loss": "non_saturating",
        "coarse": "drawn",
        "noise": False,
        "condition": "condition",
        "matching_aware": True,
        "conditioning": {"name": "stackgan.Augmentation", "features": c},
        "kl": 2.0,
        "latent": 100 if args.paper else 32,
        "ema": 0.999 if args.paper else 0.995,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999, "decay": "linear"}
    rates = (2e-4, 2e-4) if args.paper else (1e-3, 5e-4)
    config.optim = {"g": {**adam, "lr": rates[0]}, "d": {**adam, "lr": rates[1]}}
    if not args.paper:
        config.game.g.update({"halvings": 1, "blocks": 2, "residual": True})
    if args.smoke:
        config.growth = {**config.growth, "stable": 3}  # a duration may become a number
        config.game.stages[stage].g.width = 4
    return smoke(config, width=4) if args.smoke else config
