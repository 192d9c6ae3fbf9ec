"""Conditional GAN: both nets see the requested class; the tutorials' perceptrons, on the digits.

    python -m jaxgan.main --config=experiments/cgan.py
    python -m jaxgan.main --config=experiments/cgan.py:datawhale
    python -m jaxgan.main --config=experiments/cgan.py:step_by_step
    python -m jaxgan.main --config=experiments/cgan.py:smoke

Paper: Mirza & Osindero 2014, https://arxiv.org/abs/1411.1784, with the nets, batch size and Adam of
the GAN Step By Step tutorial: label embeddings are concatenated to the latent and to the flattened
image. R1 (Mescheder et al. 2018), which neither has, is added: without it d wins on few images, and
samples of a class grow alike (experiments/README.md). Samples cycle through the ten classes; expect
each to be the requested digit.

`datawhale` is that tutorial's run: 110-256-512-1024-784 without normalization against
794-1024-512-256-1 with dropout 0.4 on all hidden layers, Adam at 1e-4 (0.9, 0.999), batch size 100,
50 epochs. `step_by_step` is GAN Step By Step's code in full: the default with least squares, half
of its mean squared error in g. In both fakes have labels of their own, and there is neither R1 nor
an averaged generator. The paper's nets are other ones, with maxout in d.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 28x28."""
    args = arguments(arg, smoke=False, datawhale=False, step_by_step=False, res=28, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = "50epochs" if args.datawhale else 10_000
    config.batch = 100 if args.datawhale else 64
    config.data = {"name": args.data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "cgan.Generator", "widths": (128, 256, 512, 1024)},
        "d": {"name": "cgan.Discriminator", "widths": (512, 512, 512), "dropout": 0.4},
        "loss": "non_saturating",
        "condition": "label",
        "latent": 100,
        "ema": 0.999,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    if args.datawhale or args.step_by_step:
        config.game.update({"fresh_labels": True, "ema": 0.0})
    else:
        config.game.regularizers = {"r1": {"gamma": 1.0}}
    if args.step_by_step:
        config.game.loss = "least_squares"
    if args.datawhale:
        config.game.g.update({"widths": (256, 512, 1024), "norm": "Identity"})
        config.game.d.update({"widths": (1024, 512, 256), "drop_first": True})
        adam |= {"lr": 1e-4, "b1": 0.9}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"every": 100, "pictures": 2000}
    config.checkpoint = {"every": 5000}
    if args.smoke:
        config.game.g.widths = config.game.d.widths = (16, 16, 16)
    return smoke(config) if args.smoke else config
