"""SAGAN: self-attention and spectral normalization in both nets, two learning rates.

    python -m jaxgan.main --config=experiments/sagan.py
    python -m jaxgan.main --config=experiments/sagan.py:imagenet
    python -m jaxgan.main --config=experiments/sagan.py:data=tfds:cifar10
    python -m jaxgan.main --config=experiments/sagan.py:smoke

Paper: Zhang et al. 2019, https://arxiv.org/abs/1805.08318: hinge loss, conditional BatchNorm and a
projection critic, Adam (0, 0.9) at 1e-4 for the generator and 4e-4 for the critic, one step each;
the averaged generator is an addition. The authors' code differs from their paper in Adam's b2, TF's
default .999 where the paper has .9, as here, and in conditional BatchNorm's decay, .999 against .9
here. `imagenet` is its 128x128 run, with attention at 32x32, batch size 256 and a million steps,
for many accelerators; its published IS and FID are in experiments/README.md. The digits' run is
narrow, at 32x32, with attention at 16x16; expect all ten classes on request.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32, or of ImageNet at 128x128."""
    args = arguments(arg, smoke=False, imagenet=False, data="")
    config = ConfigDict()
    config.seed = 0
    config.steps = 1_000_000 if args.imagenet else 5000
    config.batch = 256 if args.imagenet else 64
    config.data = {"name": args.data or "mnist", "res": 32}
    if args.imagenet:
        config.data = {"name": args.data or "tfds:imagenet2012", "res": 128, "flip": True}
    width = {"g": 64, "d": 64} if args.imagenet else {"g": 48, "d": 32}
    both = {"spectral": True, "attention": 32 if args.imagenet else 16}
    config.ema_warmup = not args.imagenet
    config.game = {
        "name": "adversarial",
        "g": {"name": "resnet.Generator", "width": width["g"], **both},
        "d": {"name": "resnet.Discriminator", "width": width["d"], "widen": "first", **both},
        "loss": "hinge",
        "condition": "label",
        "latent": 128,
        "ema": 0.9999 if args.imagenet else 0.998,
    }
    adam = {"name": "adam", "b1": 0.0, "b2": 0.9}
    config.optim = {"g": {**adam, "lr": 1e-4}, "d": {**adam, "lr": 4e-4}}
    return smoke(config, width=8) if args.smoke else config
