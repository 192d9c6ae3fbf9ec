"""DCGAN on real digits: the run to start with.

    python -m jaxgan.main --config=experiments/dcgan.py
    python -m jaxgan.main --config=experiments/dcgan.py:celeba
    python -m jaxgan.main --config=experiments/dcgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/dcgan.py:smoke

Paper: Radford et al. 2016, https://arxiv.org/abs/1511.06434. Nets, weight init, Adam's betas and,
for `celeba` and folders, batch 128 and rate 2e-4 are the paper's; the averaged generator is an
addition. The digits are few, and so the default learns them fast: narrow nets, batch 16, rate 1e-3
that falls to 0 over the second half. Expect readable digits of every class after seven minutes on
two CPU cores (about 510 images/s on a 2 GHz Xeon); D(G(z)) sinks to 0.04 as D learns the 5,000
digits by heart.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 32x32 with narrow nets; `celeba` is the paper's 64x64x3 run."""
    args = arguments(arg, smoke=False, celeba=False, res=32, data="mnist")
    digits = args.data == "mnist" and not args.celeba
    config = ConfigDict()
    config.seed = 0
    config.steps = 12_000 if digits else "25epochs"
    config.batch = 16 if digits else 128
    config.data = {"name": args.data, "res": args.res}
    if args.celeba:
        config.data = {"name": "tfds:celeb_a", "res": 64, "flip": True}
    width = 32 if digits else 64
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": width},
        "d": {"name": "dcgan.Discriminator", "width": width},
        "loss": "non_saturating",
        "latent": 100,
        "ema": 0.999,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    if digits:
        adam.update({"lr": 1e-3, "decay": "linear", "decay_from": 0.5})
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 100, "pictures": 1000, "samples": 64}
    config.checkpoint = {"every": 2000, "keep": 2}
    return smoke(config) if args.smoke else config
