"""BigGAN: wide residual nets, z in chunks, a shared embedding, large batches, truncated samples.

    python -m jaxgan.main --config=experiments/biggan.py:laptop          (the default)
    python -m jaxgan.main --config=experiments/biggan.py:cifar
    python -m jaxgan.main --config=experiments/biggan.py:imagenet128
    python -m jaxgan.main --config=experiments/biggan.py:data=folder:/path/with/classes
    python -m jaxgan.main --config=experiments/biggan.py:smoke
    python -m jaxgan.sample --workdir=runs/biggan --truncation=0.5 --out=truncated.png

Paper: Brock et al. 2019, https://arxiv.org/abs/1809.11096: hinge loss, projection, spectral
normalization and orthogonal weights in both nets, attention, two critic steps, each of its own
data, per generator step (config.steps counts the critic's), Adam (0, 0.999) at 5e-5 for the
generator and 2e-4 for the critic. `imagenet128` is its run of 128 pixels without the deeper
residual blocks: width 96, batch size 2048, z 120 in six chunks, an average of decay 0.9999 without
warm-up, orthogonal regularization at 1e-4, for a pod of accelerators; the paper's best has an
Inception Score of 166.5 and an FID of 7.4. `cifar` is the recipe of PyTorch-StudioGAN: width 96, z
80, batch size 64, five critic steps, 2e-4 for both, 100k generator steps; FID 8.03 there, of 10,000
test images.

Samples are drawn by the averaged generator with standing statistics: moments of its BatchNorms over
`game.standing` batches of 100, of latents as truncated as those that are drawn.

`laptop` is narrow, on the digits at 32x32 with labels, for two CPU cores; experiments/README.md has
what was measured.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the digits at 32x32, of CIFAR-10, or of ImageNet at 128x128."""
    args = arguments(arg, smoke=False, laptop=False, cifar=False, imagenet128=False, data="")
    published = (args.cifar or args.imagenet128) and not args.laptop
    config = ConfigDict()
    config.seed = 0
    config.steps = 4000
    config.batch = 32
    config.data = {"name": args.data or "mnist", "res": 32}
    config.game = {
        "name": "adversarial",
        "g": {"name": "biggan.Generator", "width": 12, "attention": 16, "embedding": 32},
        "d": {"name": "biggan.Discriminator", "width": 16, "attention": 16},
        "loss": "hinge",
        "g_regularizers": {"orthogonal": {"weight": 1e-4}},
        "condition": "label",
        "latent": 64,
        "n_critic": 2,
        "ema": 0.995,
        "standing": 16,
    }
    adam = {"name": "adam", "b1": 0.0, "b2": 0.999}
    config.optim = {"g": {**adam, "lr": 5e-4}, "d": {**adam, "lr": 1e-3}}
    if published:
        config.ema_warmup = False
        config.game.ema = 0.9999
        config.game.update({"g": {"width": 96, "embedding": 128}, "d": {"width": 96}})
        config.optim.d.lr = 2e-4
    if published and args.imagenet128:
        config.steps, config.batch = 300_000, 2048
        config.data = {"name": args.data or "tfds:imagenet2012", "res": 128, "flip": True}
        config.game.update({"g": {"attention": 64}, "d": {"attention": 64}, "latent": 120})
        config.optim.g.lr = 5e-5
    elif published:
        config.steps, config.batch = 500_000, 64
        config.data = {"name": args.data or "tfds:cifar10", "res": 32, "flip": True}
        config.game.update({"latent": 80, "n_critic": 5})
        config.game.g_regularizers = {}
        config.optim.g.lr = 2e-4
    if args.smoke:
        config.game.standing = 0  # one program less to compile
    return smoke(config, width=8) if args.smoke else config
