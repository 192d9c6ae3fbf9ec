"""The anime-face DCGAN, on any folder of face images.

    python -m jaxgan.main --config=experiments/dcgan_anime.py:data=folder:/path/to/faces
    python -m jaxgan.main --config=experiments/dcgan_anime.py          (crops of two photographs)
    python -m jaxgan.main --config=experiments/dcgan_anime.py:smoke

After Chollet 2021, Deep Learning with Python, second edition, section 12.5, ISBN 9781617296864,
with latent size 64: dropout in the critic, labels with noise 0.05 U(0, 1), Adam at 1e-4 for both,
batch size 32, no normalization. No figure has been recorded.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config, at 64x64x3."""
    args = arguments(arg, smoke=False, data="photos")
    config = ConfigDict()
    config.seed = 0
    config.steps = "100epochs" if args.data != "photos" else 20_000
    config.batch = 32
    config.data = {"name": args.data, "res": 64}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan_anime.Generator", "width": 128},
        "d": {"name": "dcgan_anime.Discriminator", "width": 64, "dropout": 0.2},
        "loss": {"name": "non_saturating", "noise": 0.05},
        "latent": 64,
        "ema": 0.999,
    }
    adam = {"name": "adam", "lr": 1e-4, "b1": 0.9, "b2": 0.999, "eps": 1e-7}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 100, "pictures": 1000}
    config.checkpoint = {"every": 2000}
    return smoke(config, width=8) if args.smoke else config
