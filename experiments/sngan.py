"""SNGAN: every weight of the critic divided by its largest singular value; residual nets.

    python -m jaxgan.main --config=experiments/sngan.py:mnist            (the default)
    python -m jaxgan.main --config=experiments/sngan.py:cifar
    python -m jaxgan.main --config=experiments/sngan.py:cifar,conditional
    python -m jaxgan.main --config=experiments/sngan.py:smoke

Paper: Miyato et al. 2018, https://arxiv.org/abs/1802.05957. `cifar` is its CIFAR-10 recipe: hinge
loss, batch 64 and twice that for the generator, five critic steps to one of the generator
(config.steps counts the critic's: 50k of the generator's), Adam 2e-4 (0, 0.9) falling linearly to
0. A public re-run at 100k steps and equal batches reports IS 7.97 and FID 16.77 (50k train against
50k fake images), and with `conditional`, the projection critic of Miyato & Koyama 2018 with
conditional BatchNorm, 8.25 and 10.84. `mnist` is narrow nets on the digits at 32x32.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 32x32, or CIFAR-10."""
    args = arguments(arg, smoke=False, mnist=False, cifar=False, conditional=False, data="mnist")
    cifar = args.cifar and not args.mnist
    config = ConfigDict()
    config.seed = 0
    config.steps = 250_000 if cifar else 10_000
    config.batch = 64
    config.data = {"name": "tfds:cifar10" if cifar else args.data, "res": 32}
    config.game = {
        "name": "adversarial",
        "g": {"name": "resnet.Generator", "width": 256 if cifar else 48},
        "d": {"name": "resnet.Discriminator", "width": 128 if cifar else 32, "spectral": True},
        "loss": "hinge",
        "condition": "label" if args.conditional else "",
        "latent": 128,
        "n_critic": 5 if cifar else 2,
        "g_batch": 2 if cifar else 1,
        "dequantize": cifar,
        "ema": 0.0 if cifar else 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.0, "b2": 0.9, "decay": "linear"}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 50, "pictures": 1000, "samples": 64}
    config.checkpoint = {"every": 2000, "keep": 2}
    if args.smoke:
        config.game.g.width = config.game.d.width = 8
    return smoke(config) if args.smoke else config
