"""Matching-aware conditional GAN: D must also reject a real image with a wrong condition.

    python -m jaxgan.main --config=experiments/cgan_matching.py
    python -m jaxgan.main --config=experiments/cgan_matching.py:two_stage
    python -m jaxgan.main --config=experiments/cgan_matching.py:vectors,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/cgan_matching.py:smoke

Paper: Reed et al. 2016, https://arxiv.org/abs/1605.05396, Algorithm 1, on DCGAN's nets.
`two_stage` scores realism and matching separately and adds the two
(--config.game.d.combine=min takes the worse). `vectors` reads a conditions.npy beside a folder's
pictures instead of labels, such as text embeddings from an encoder of your own. Expect the asked
digit sooner than without the third term, which D's `mismatched` score shows falling.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """The digits at 32x32, by label."""
    args = arguments(arg, smoke=False, two_stage=False, vectors=False, res=32, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = 5000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    d = {"name": "dcgan.Discriminator", "width": 32}
    if args.two_stage:
        d = {"name": "cgan.TwoStageDiscriminator", "width": 32, "combine": "sum"}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": d,
        "loss": "non_saturating",
        "condition": "condition" if args.vectors else "label",
        "matching_aware": True,
        "latent": 100,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 50, "pictures": 500, "samples": 64}
    config.checkpoint = {"every": 1000, "keep": 2}
    if args.smoke:
        config.game.g.width = config.game.d.width = 8
    return smoke(config) if args.smoke else config
