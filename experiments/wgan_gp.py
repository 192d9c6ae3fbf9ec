"""WGAN-GP: a penalty on the critic's gradient norm instead of clipping.

    python -m jaxgan.main --config=experiments/wgan_gp.py
    python -m jaxgan.main --config=experiments/wgan_gp.py:unlabelled
    python -m jaxgan.main --config=experiments/wgan_gp.py:cifar
    python -m jaxgan.main --config=experiments/wgan_gp.py:cifar,labels
    python -m jaxgan.main --config=experiments/wgan_gp.py:datawhale
    python -m jaxgan.main --config=experiments/wgan_gp.py:smoke

Paper: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028; lambda 10, no BatchNorm in the
critic. `cifar` is its residual CIFAR-10 recipe at 100k generator steps: five critic steps per
generator step (config.steps counts the critic's), Adam at 2e-4 (0, 0.9) falling linearly to 0, a
generator batch of twice 64, dequantized real images, mean pooling; a published IS and FID are in
experiments/README.md. `labels` adds ACGAN's head: the critic learns classes from real images alone,
and their loss is weighted 0.1 in the generator.

The default is the digits with labels: narrow DCGAN nets, batch size 32, two critic steps, Adam at
1e-3 (0.5, 0.9) falling linearly to 0, the class loss weighted 1 in the generator. Expect the
requested digit in nearly every sample after 8,000 steps; `unlabelled` digits are worse. `datawhale`
has that tutorial's penalty, 10 E max(0, |grad D| - 1), where the paper's is squared and two-sided,
on the digits without labels.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32, or of CIFAR-10."""
    args = arguments(
        arg, smoke=False, cifar=False, labels=False, unlabelled=False, datawhale=False, res=32,
        data="",
    )  # fmt: skip
    plain = args.cifar or args.unlabelled or args.datawhale
    data = args.data or ("tfds:cifar10" if args.cifar else "mnist")
    labels = args.labels or (data == "mnist" and not plain)
    config = ConfigDict()
    config.seed = 0
    config.steps = 500_000 if args.cifar else 8000
    config.batch = 64 if args.cifar else 32
    config.data = {"name": data, "res": args.res}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {"name": "dcgan.Discriminator", "width": 32, "norm": "Identity"},
        "loss": "wasserstein",
        "regularizers": {"gradient_penalty": {"weight": 10.0, "target": 1.0}},
        "latent": 128,
        "n_critic": 5 if args.cifar else 2,
        "g_batch": 1,
        "dequantize": False,
        "ema": 0.998,
    }
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.5, "b2": 0.9, "decay": "linear"}
    if args.cifar:
        d = {"name": "resnet.Discriminator", "width": 128, "spectral": False, "pool": "mean"}
        config.game.g = {"name": "resnet.Generator", "width": 128}
        config.game.d = d
        config.game.update({"g_batch": 2, "dequantize": True, "ema": 0.0})
        adam.update({"lr": 2e-4, "b1": 0.0})
    if args.datawhale:
        config.game.regularizers.gradient_penalty.update({"one_sided": True, "power": 1})
    if labels:
        config.game.condition = "label"
        config.game.auxiliary = {
            "name": "acgan",
            "g_weight": 0.1 if args.cifar else 1.0,
            "learn_fakes": False,
        }
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    config.checkpoint = {"every": 2000}
    return smoke(config, width=8) if args.smoke else config
