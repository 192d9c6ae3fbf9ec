"""Points in the plane: eight ways to train one pair of MLPs, where modes are counted.

    python -m jaxgan.modes                     # every recipe on ring and grid, 8 seeds, one table
    python -m jaxgan.main --config=experiments/toy.py:recipe=wgan_gp,data=grid
    python -m jaxgan.main --config=experiments/toy.py:smoke

Data: `ring` (8 modes), `grid` (25), `swiss_roll`, `moons`. Recipes and their papers:

    ns, mm     Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661
    ls         Mao et al. 2017, https://arxiv.org/abs/1611.04076
    hinge      Lim & Ye 2017, https://arxiv.org/abs/1705.02894
    wgan       Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875
    wgan_gp    Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028
    dragan     Kodali et al. 2017, https://arxiv.org/abs/1705.07215
    sn         Miyato et al. 2018, https://arxiv.org/abs/1802.05957

All share nets, batch size and Adam, so that only the game differs, with three exceptions: gradient
penalties are weighted 0.1 instead of 10, as WGAN-GP's authors do in the plane; SN learns at 1e-3;
WGAN keeps RMSProp, at 5e-4 and clip 0.1 instead of 5e-5 and 0.01. A high rate that falls to 0
matters most: at 1e-3 g does not become steep enough to leave the space between modes empty.
config.steps counts the critic's steps. Expect most modes covered, see the table in README.md.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke

ADAM = {"name": "adam", "lr": 5e-3, "b1": 0.5, "b2": 0.9, "decay": "linear"}
RMSPROP = {"name": "rmsprop", "lr": 5e-4, "decay": "linear"}
RECIPES = {
    "ns": {"loss": "non_saturating"},
    "mm": {"loss": "minimax"},
    "ls": {"loss": "least_squares"},
    "hinge": {"loss": "hinge"},
    "wgan": {"loss": "wasserstein", "n_critic": 5},
    "wgan_gp": {
        "loss": "wasserstein",
        "regularizers": {"gradient_penalty": {"weight": 0.1}},
    },
    "dragan": {"loss": "non_saturating", "regularizers": {"dragan": {"weight": 0.1}}},
    "sn": {"loss": "hinge", "n_critic": 2},
}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of one recipe on one mixture."""
    args = arguments(arg, smoke=False, recipe="ns", data="ring")
    config = ConfigDict()
    config.seed = 0
    config.steps = 10_000 if args.data == "grid" else 5000
    config.batch = 128
    config.data = {"name": args.data}
    net = {"widths": (128, 128, 128), "gain": 2**0.5}  # He's gain: sharp edges are learned sooner
    config.game = {
        "name": "adversarial",
        "g": {"name": "mlp.Generator", "output": "linear", **net},
        "d": {"name": "mlp.Discriminator", "spectral": args.recipe == "sn", **net},
        "latent": 2,
        "ema": 0.99,
        **RECIPES[args.recipe],
    }
    config.optim = {"g": dict(ADAM), "d": dict(ADAM)}
    if args.recipe == "sn":
        config.optim.g.lr = config.optim.d.lr = 1e-3
    if args.recipe == "wgan":
        config.optim = {"g": dict(RMSPROP), "d": dict(RMSPROP, clip=0.1)}
    config.log = {"every": 100, "samples": 2500}
    config.checkpoint = {"every": 2000}
    return smoke(config) if args.smoke else config
