"""StyleGAN2 with adaptive augmentation: real and fake images are augmented as strongly as d needs.

    python -m jaxgan.main --config=experiments/stylegan2_ada.py:data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stylegan2_ada.py:labelled,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stylegan2_ada.py:cifar
    python -m jaxgan.main --config=experiments/stylegan2_ada.py:smoke

Paper: Karras et al. 2020, https://arxiv.org/abs/2006.06676. The strength p of the "bgc" pipe moves
with the share of real images that d classifies as real, towards 0.6. `cifar` is the paper's tuned
CIFAR-10 run with labels: 512 channels throughout, a critic without skip connections, minibatch
standard deviation over 32, R1 gamma 0.01, neither path lengths nor style mixing, batch size 64,
100,000 kimg: days on an accelerator, and not run here. Its averaged generator has a half-life of
500 kimg, or 5 % of the images seen where that is less. Penalties are played on the last of each 16
steps, on the first in the authors' code, and the logits on R1's reals do not count for p, there
they do. Published FIDs are in experiments/README.md.

The default, `laptop`, has narrow nets for 64 pixels and few images. One run, stopped early, is in
experiments/README.md; no figure is promised for its end.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config with narrow nets for a laptop, or the paper's for CIFAR-10."""
    args = arguments(arg, smoke=False, cifar=False, labelled=False, laptop=True, res=0, data="")
    config = ConfigDict()
    config.seed = 0
    config.steps = "100000kimg" if args.cifar else "300kimg"
    config.batch = 64 if args.cifar else 16
    config.data = {"name": args.data or "photos", "res": args.res or 64, "flip": True}
    if args.cifar:
        config.data = {"name": args.data or "tfds:cifar10", "res": args.res or 32, "flip": False}
    width = {"channel_base": 1024, "channel_max": 64}
    if args.cifar:
        width = {"channel_base": 32768, "channel_max": 512}
    config.ema_warmup = not args.cifar
    config.game = {
        "name": "stylegan2",
        "g": {"name": "stylegan2.Generator", "layers": 2 if args.cifar else 4, **width},
        "d": {"name": "stylegan2.Discriminator", **width},
        "condition": "label" if args.labelled or args.cifar else "",
        "latent": 512 if args.cifar else 128,
        "gamma": 0.01 if args.cifar else 0.2,
        "ada_target": 0.6,
        "ada_kimg": 500.0 if args.cifar else 100.0,
        "ema": "500kimg" if args.cifar else 0.998,
    }
    config.game.g.w_dim = config.game.latent
    if args.cifar:
        config.game.d.update({"architecture": "orig", "group": 32})
        config.game.update({"pl_weight": 0.0, "mixing": 0.0, "ema_rampup": 0.05})
    adam = {"name": "adam", "lr": 2.5e-3 if args.cifar else 2e-3, "b1": 0.0, "b2": 0.99}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    if args.smoke:
        config.data.res = args.res or 16
        config.game.g.channel_max = config.game.d.channel_max = 8
    return smoke(config) if args.smoke else config
