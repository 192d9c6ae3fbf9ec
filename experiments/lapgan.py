"""LAPGAN: a GAN of small images, and one conditional GAN for each doubling of them.

    python -m jaxgan.main --config=experiments/lapgan.py
    python -m jaxgan.main --config=experiments/lapgan.py:labels
    python -m jaxgan.main --config=experiments/lapgan.py:data=array:/path/of/images.npz
    python -m jaxgan.main --config=experiments/lapgan.py:paper
    python -m jaxgan.main --config=experiments/lapgan.py:smoke
    python -m jaxgan.main --config=experiments/lapgan.py --config.growth.together=True

Paper: Denton et al. 2015, https://arxiv.org/abs/1506.05751. The pyramid is of 8, 16 and 32 pixels,
by linear interpolation down and up (jaxgan/nets/ops/laplacian.py). Its coarsest level is a GAN of
dense layers; each finer generator sees the enlarged coarser image and a channel of noise, and adds
a residual to it. Levels train on real images made coarser, one after the other, and are sampled
from the coarsest down; `together` trains them at once, at the cost of all in each step. `labels`
gives the class to all nets, by a plane of its one-hot vector.

`paper` has the widths for CIFAR-10 of section 4.1, and SGD at 0.02 with momentum, here constant at
0.5 where it rises to 0.8, and a rate that falls by so little that it is left out; z is N(0, I)
where the paper's is uniform, and the sizes are 8, 16 and 32 pixels instead of 8, 14 and 28. It has
not been run here.

The default is narrow, with Adam and an averaged generator, for two CPU cores. Where discriminators
should see the enlarged image in the sum alone, as the paper's, set `--config.game.d.lowpass=False`.
Expect a finer level to sharpen what the coarser one drew within 500 steps, edges before shapes.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of narrow nets, or with `paper` of the published ones."""
    args = arguments(arg, smoke=False, paper=False, labels=False, res=32, data="")
    config = ConfigDict()
    config.seed = 0
    stages = (args.res // 8).bit_length()  # 8, 16 and so on, as long each
    config.steps = f"{100 * stages}epochs" if args.paper else 2000 * stages
    config.batch = 128 if args.paper else 64
    data = args.data or ("tfds:cifar10" if args.paper else "mnist")
    config.data = {"name": data, "res": args.res}
    stable = "100epochs" if args.paper else 2000
    config.growth = {"first": 8, "factor": 2, "stable": stable, "fade": 0}
    if not args.paper:
        config.growth.batch = {"16": 32}
    config.game = {
        "name": "pyramid",
        "g": {"name": "lapgan.Generator", "width": 32, "layers": 4, "kernel": 3},
        "d": {"name": "lapgan.Discriminator", "width": 32, "layers": 2},
        "stages": {
            "8": {
                "g": {"name": "mlp.Generator", "widths": (1200, 1200)},
                "d": {"name": "cgan.Discriminator", "widths": (600, 600), "dropout": 0.5},
            }
        },
        "loss": "non_saturating",
        "coarse": "real",
        "condition": "label" if args.labels else "",
        "latent": 100,
        "ema": 0.0 if args.paper else 0.998,
    }
    if args.paper:
        config.game.g.update({"width": 128, "layers": 3, "kernel": 5})
        config.game.d.update({"width": 128, "lowpass": False, "dropout": 0.5})
        sgd = {"name": "sgd", "lr": 0.02, "momentum": 0.5}
        config.optim = {"g": dict(sgd), "d": dict(sgd)}
    else:
        adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
        config.optim = {"g": {**adam, "lr": 1e-3}, "d": {**adam, "lr": 5e-4}}
    if args.smoke:
        config.growth = {**config.growth, "stable": 2, "batch": {}}
        config.game.stages["8"].g.widths = config.game.stages["8"].d.widths = (16, 16)
    return smoke(config, width=4) if args.smoke else config
