"""R3GAN: a relativistic loss that is regularized at every step, and plain residual nets.

    python -m jaxgan.main --config=experiments/r3gan.py:data=array:/path/to/images.npz
    python -m jaxgan.main --config=experiments/r3gan.py:labelled,data=array:/path/to/images.npz
    python -m jaxgan.main --config=experiments/r3gan.py:cifar
    python -m jaxgan.main --config=experiments/r3gan.py:ffhq64,data=folder:/path/to/ffhq
    python -m jaxgan.main --config=experiments/r3gan.py:ffhq,data=folder:/path/to/ffhq
    python -m jaxgan.main --config=experiments/r3gan.py:imagenet32
    python -m jaxgan.main --config=experiments/r3gan.py:imagenet64
    python -m jaxgan.main --config=experiments/r3gan.py:smoke

Paper: Huang et al. 2024, https://arxiv.org/abs/2501.05441. Each logit is compared with that of a
sample of the other kind, R1 and R2 keep the game stable, and nets have neither normalization nor a
mapping. `cifar` (with labels), `ffhq64`, `ffhq` (256 pixels), `imagenet32` and `imagenet64` are its
runs, for several accelerators, with batches of 512, 256 and 4096. Rates, Adam's b2, the penalties'
gamma, the half-life of the averaged generator and the strength of augmentation follow cosines over
the run's 20,000 kimg, 200,000 for ImageNet, and stay constant if it is continued. Published FIDs:
CIFAR-10 1.96, FFHQ at 256 pixels 2.75, ImageNet at 32 and 64 pixels 1.27 and 2.09. None was run
here. The authors draw a batch of real images for the generator's turn too, here it is judged beside
those of the critic's; and they augment once for logits and penalties, here for each.

The default, `laptop`, has narrow nets for 32 pixels, a block at each resolution, schedules over
100 kimg, and no augmentation. A schedule is a config value, see jaxgan/config/schedules.py:

    --config.optim.d.lr="{'cosine': (1e-3, 1e-4), 'images': 5e4}"
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke

# What differs: pixels, widths as parts of 768, images of the schedules, batch, gamma, half-life of
# the average in kimg and augmentation's p, each at the end of its schedule.
PUBLISHED = {
    "cifar": (32, (1, 1, 1, 1), 2e7, 512, (0.05, 0.005), 5000, 0.55),
    "ffhq64": (64, (1, 1, 1, 1, 0.5), 2e7, 256, (2.0, 0.2), 500, 0.3),
    "ffhq": (256, (1, 1, 1, 1, 0.5, 0.25, 0.125), 2e7, 256, (150.0, 15.0), 500, 0.3),
    "imagenet32": (32, (2, 2, 2, 2), 2e8, 4096, (0.5, 0.05), 50000, 0.5),
    "imagenet64": (64, (2, 2, 2, 2, 2), 2e8, 4096, (1.0, 0.1), 50000, 0.4),
}
DATA = {
    "cifar": "tfds:cifar10",
    "imagenet32": "tfds:imagenet_resized/32x32",
    "imagenet64": "tfds:imagenet_resized/64x64",
}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config with narrow nets for a laptop, or one of the paper's."""
    args = arguments(
        arg, smoke=False, **dict.fromkeys(PUBLISHED, False), labelled=False, laptop=True, res=0,
        data="",
    )  # fmt: skip
    name = next((name for name in PUBLISHED if getattr(args, name)), "")
    data = args.data or DATA.get(name, "photos")
    config = _published(name, args.res, data) if name else _laptop(args.res or 32, data)
    if args.labelled or name in DATA:
        config.game.condition = "label"
    if args.smoke:
        config.data.res = 16
        small = {"widths": (8, 8, 4), "cardinality": (2, 2, 2), "blocks": (1, 1, 1)}
        config.game.g.update(small)
        config.game.d.update(small)
    return smoke(config) if args.smoke else config


def _published(name: str, other: int, data: str) -> ConfigDict:
    """Returns a run of the paper; its nets refuse an `other` size of images, 0 for their own."""
    res, parts, images, batch, gamma, half_life, p = PUBLISHED[name]
    config = ConfigDict()
    config.seed = 0
    config.steps = f"{images / 1000:.0f}kimg"
    config.batch = batch
    config.data = {"name": data, "res": other or res, "flip": True}
    config.ema_warmup = False
    nets = {
        "widths": tuple(int(768 * part) for part in parts),
        "cardinality": tuple(int(96 * min(part, 1)) for part in parts),
        "blocks": (2,) * len(parts),
    }
    config.game = _game(nets, gamma, ("0kimg", f"{half_life}kimg"), images)
    config.game.d.embedding = nets["widths"][0]
    strength = {"cosine": (0.0, p), "images": images}
    config.game.augment = {"name": "bgc_pipe", "p": strength, "color": 0.5, "cutout": 1.0}
    config.optim = _optim((2e-4, 5e-5), images)
    return config


def _laptop(res: int, data: str) -> ConfigDict:
    images = 1e5
    config = ConfigDict()
    config.seed = 0
    config.steps = "100kimg"
    config.batch = 16
    config.data = {"name": data, "res": res}
    widths = (128, 64, 32, 16, 16, 16)[: res.bit_length() - 2]
    nets = {
        "widths": widths,
        "cardinality": tuple(width // 8 for width in widths),
        "blocks": (1,) * len(widths),
    }
    area = (res / 32) ** 2
    config.game = _game(nets, (1.0 * area, 0.1 * area), ("0kimg", "10kimg"), images)
    config.game.d.embedding = widths[0]
    config.optim = _optim((1e-3, 2.5e-4), images)
    config.log = {"pictures": 1000}
    return config


def _game(nets: dict, gamma: tuple, half_life: tuple, images: float) -> ConfigDict:
    penalty = {"gamma": {"cosine": gamma, "images": images}}
    return ConfigDict(
        {
            "name": "adversarial",
            "g": {"name": "r3gan.Generator", **nets},
            "d": {"name": "r3gan.Discriminator", **nets},
            "loss": "relativistic_pairing",
            "regularizers": {"r1": penalty, "r2": penalty},
            "condition": "",
            "latent": 64,
            "ema": {"cosine": half_life, "images": images},
        }
    )


def _optim(rates: tuple, images: float) -> dict:
    adam = {
        "name": "adam",
        "lr": {"cosine": rates, "images": images},
        "b1": 0.0,
        "b2": {"cosine": (0.9, 0.99), "images": images},
    }
    return {"g": dict(adam), "d": dict(adam)}
