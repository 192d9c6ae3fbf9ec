"""The anime-face DCGAN, on any folder of face images.

    python -m jaxgan.main --config=experiments/dcgan_anime.py:data=folder:/path/to/faces
    python -m jaxgan.main --config=experiments/dcgan_anime.py          (crops of two photographs)
    python -m jaxgan.main --config=experiments/dcgan_anime.py:article,data=folder:/path/to/faces
    python -m jaxgan.main --config=experiments/dcgan_anime.py:smoke

After Chollet 2021, Deep Learning with Python, second edition, section 12.5, ISBN 9781617296864,
with latent size 64: dropout in the critic, labels with noise 0.05 U(0, 1), Adam at 1e-4 for both,
batch size 32, no normalization. No figure has been recorded.

`article` is the recipe of an article on anime faces, after the book's first edition: other nets (g
from 32x32 with 5x5 convolutions, d without padding and with dropout 0.4), RMSProp at 8e-4 for d and
4e-4 for g, gradients clipped to +-1 element by element, real and fake images in one batch, 30,000
steps, of which every 10,000th is kept, no averaged generator. Its decay of 1e-8 would take
0.03 % off the rates by the end and is left out. g is some 15 GMAC a picture, an accelerator's work:
--config.game.g.width=32 is a sixteenth. --config.game.g.norm=BatchNorm and .dropout=0.3 show the
failures that the article reports.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config, at 64x64x3."""
    args = arguments(arg, smoke=False, article=False, data="photos")
    config = ConfigDict()
    config.seed = 0
    steps = 20_000 if args.data == "photos" else "100epochs"
    config.steps = 30_000 if args.article else steps
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
    if args.article:
        config.game.g.name = "dcgan_anime.ArticleGenerator"
        config.game.d = {"name": "dcgan_anime.ArticleDiscriminator", "width": 128, "dropout": 0.4}
        config.game.update({"joint": True, "ema": 0.0})
        rmsprop = {"name": "rmsprop", "rho": 0.9, "eps": 1e-7, "clip_value": 1.0}
        config.optim = {"g": {**rmsprop, "lr": 4e-4}, "d": {**rmsprop, "lr": 8e-4}}
        config.checkpoint.keep_every = 10_000
    return smoke(config, width=8) if args.smoke else config
