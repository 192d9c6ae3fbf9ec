"""The first GAN: two multilayer perceptrons on the digits.

    python -m jaxgan.main --config=experiments/gan.py
    python -m jaxgan.main --config=experiments/gan.py:minimax
    python -m jaxgan.main --config=experiments/gan.py:datawhale
    python -m jaxgan.main --config=experiments/gan.py:smoke

Paper: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661, with the tutorials' nets
(64-256-256-784). `minimax` is the value function itself, whose generator's gradient saturates; the
default is the non-saturating remedy of the paper's section 3. `datawhale` is that tutorial's run:
batch size 100, Adam at 2e-4 (0.9, 0.999), 200 epochs, no averaged generator; the paper has
momentum, maxout and dropout in d. No figure has been recorded.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 28x28, non-saturating or minimax."""
    args = arguments(arg, smoke=False, minimax=False, datawhale=False)
    config = ConfigDict()
    config.seed = 0
    config.steps = "200epochs" if args.datawhale else 20_000
    config.batch = 100 if args.datawhale else 64
    config.data = {"name": "mnist", "res": 28}
    config.game = {
        "name": "adversarial",
        "g": "mlp.Generator",
        "d": "mlp.Discriminator",
        "loss": "minimax" if args.minimax else "non_saturating",
        "latent": 64,
        "ema": 0.0 if args.datawhale else 0.999,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.9 if args.datawhale else 0.5, "b2": 0.999}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 100, "pictures": 2000}
    config.checkpoint = {"every": 5000}
    return smoke(config) if args.smoke else config
