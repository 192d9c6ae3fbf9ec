"""DCGAN on real digits: the run to start with.

    python -m jaxgan.main --config=experiments/dcgan.py
    python -m jaxgan.main --config=experiments/dcgan.py:celeba
    python -m jaxgan.main --config=experiments/dcgan.py:res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/dcgan.py:smoke

Paper: Radford et al. 2016, https://arxiv.org/abs/1511.06434. `celeba` and folders have the paper's
weight init, batch size 128 and Adam at 2e-4, and its nets at half their width; the averaged
generator is an addition. The digits are few, so the default learns them fast: rates 1e-3 and 5e-4
that fall to 0 over the second half, and InfoGAN's nets for digits, which have a dense layer on
either side of the 7x7 feature maps, against the paper's advice. Expect mostly legible digits after
4,000 steps, some nine minutes on two CPU cores (experiments/README.md).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 28x28 with narrow nets, or of 64x64x3 images."""
    args = arguments(arg, smoke=False, celeba=False, res=0, data="")
    digits = args.data in ("", "mnist") and not args.celeba
    config = ConfigDict()
    config.seed = 0
    config.steps = 4000 if digits else "25epochs"
    config.batch = 64 if digits else 128
    config.data = {"name": args.data or "mnist", "res": args.res or (28 if digits else 64)}
    if args.celeba:
        config.data = {"name": args.data or "tfds:celeb_a", "res": args.res or 64, "flip": True}
    file, width = ("infogan", 32) if digits else ("dcgan", 64)
    config.game = {
        "name": "adversarial",
        "g": {"name": f"{file}.Generator", "width": width},
        "d": {"name": f"{file}.Discriminator", "width": width},
        "loss": "non_saturating",
        "latent": 62 if digits else 100,
        "ema": 0.998 if digits else 0.999,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    if digits:
        falling = {"decay": "linear", "decay_from": 0.5}
        config.optim = {"g": {**adam, **falling, "lr": 1e-3}, "d": {**adam, **falling, "lr": 5e-4}}
    return smoke(config, width=8) if args.smoke else config
