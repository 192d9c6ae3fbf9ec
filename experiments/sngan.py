"""SNGAN: every weight of the critic is divided by its largest singular value.

    python -m jaxgan.main --config=experiments/sngan.py:mnist            (the default)
    python -m jaxgan.main --config=experiments/sngan.py:mnist,unlabelled
    python -m jaxgan.main --config=experiments/sngan.py:cifar
    python -m jaxgan.main --config=experiments/sngan.py:cifar,labels
    python -m jaxgan.main --config=experiments/sngan.py:smoke

Paper: Miyato et al. 2018, https://arxiv.org/abs/1802.05957. `cifar` is its CIFAR-10 recipe:
residual nets, hinge loss, batch size 64 and twice that for the generator, five critic steps per
generator step (config.steps counts the critic's, for 50k of the generator's), Adam at 2e-4 (0, 0.9)
falling linearly to 0. `labels` adds the projection critic of Miyato & Koyama 2018,
https://arxiv.org/abs/1802.05637, and conditional BatchNorm. Published IS and FID of both are in
experiments/README.md. The authors' code differs: no bias in the critic's last dense layer at 32
pixels, BatchNorm with epsilon 2e-5 (here 1e-5) and scales from 1 (here N(1, 0.02)), uniform labels
for fake images (here the batch's), and a power iteration in every forward pass of the critic.

`mnist` is the digits at 32x32 with labels, on DCGAN's nets, narrow, at a rate of 1e-3 and one
critic step. Expect the requested digit in nearly every sample after 5,000 steps; `unlabelled`
digits are worse.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32, or of CIFAR-10."""
    args = arguments(
        arg, smoke=False, mnist=False, cifar=False, labels=False, unlabelled=False, data=""
    )
    cifar = args.cifar and not args.mnist
    data = args.data or ("tfds:cifar10" if cifar else "mnist")
    labels = args.labels or (data == "mnist" and not (cifar or args.unlabelled))
    config = ConfigDict()
    config.seed = 0
    config.steps = 250_000 if cifar else 6000
    config.batch = 64 if cifar else 32
    config.data = {"name": data, "res": 32}
    config.game = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 32},
        "d": {
            "name": "dcgan.Discriminator",
            "width": 32,
            "norm": "Identity",
            "spectral": True,
            "projection": labels,
        },
        "loss": "hinge",
        "condition": "label" if labels else "",
        "latent": 128,
        "n_critic": 1,
        "g_batch": 1,
        "dequantize": cifar,
        "ema": 0.0 if cifar else 0.999,
    }
    if labels:
        config.game.g.norm = "ConditionalBatchNorm"
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.5, "b2": 0.999}
    if cifar:
        config.game.g = {"name": "resnet.Generator", "width": 256}
        config.game.d = {"name": "resnet.Discriminator", "width": 128, "spectral": True}
        config.game.update({"n_critic": 5, "g_batch": 2})
        adam = {"name": "adam", "lr": 2e-4, "b1": 0.0, "b2": 0.9, "decay": "linear"}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    config.checkpoint = {"every": 2000}
    return smoke(config, width=8) if args.smoke else config
