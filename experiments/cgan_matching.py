"""Matching-aware conditional GAN: d must also reject a real image with a wrong condition.

    python -m jaxgan.main --config=experiments/cgan_matching.py
    python -m jaxgan.main --config=experiments/cgan_matching.py:two_stage
    python -m jaxgan.main --config=experiments/cgan_matching.py:combine=matching
    python -m jaxgan.main --config=experiments/cgan_matching.py:vectors,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/cgan_matching.py:smoke

Paper: Reed et al. 2016, https://arxiv.org/abs/1605.05396, Algorithm 1, on DCGAN's nets. `two_stage`
scores realism and matching separately and adds the two scores; `combine=min` takes the lower,
`combine=weighted` (1 - w) of the former and w of the latter (--config.game.d.weight), and
`combine=matching` the latter alone, as the tutorials' plain conditional critic does. `vectors`
conditions on the rows of a conditions.npy beside a folder's images, such as text embeddings,
instead of on labels. Expect the requested digit sooner than without the third term, and d's score
`mismatched` to fall.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32, conditioned on labels."""
    args = arguments(
        arg, smoke=False, two_stage=False, combine="", vectors=False, res=32, data="mnist"
    )
    config = ConfigDict()
    config.seed = 0
    config.steps = 5000
    config.batch = 64
    config.data = {"name": args.data, "res": args.res}
    d = {"name": "dcgan.Discriminator", "width": 32}
    if args.two_stage or args.combine:
        d = {"name": "cgan.TwoStageDiscriminator", "width": 32, "combine": args.combine or "sum"}
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
    return smoke(config, width=8) if args.smoke else config
