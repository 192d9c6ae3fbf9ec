"""StyleGAN2: styles modulate convolution weights, and path lengths in w are regularized.

    python -m jaxgan.main --config=experiments/stylegan2.py:data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stylegan2.py:res=32,data=array:/path/to/images.npz
    python -m jaxgan.main --config=experiments/stylegan2.py:ffhq,data=folder:/path/to/ffhq
    python -m jaxgan.main --config=experiments/stylegan2.py:smoke

Paper: Karras et al. 2020, https://arxiv.org/abs/1912.04958. `ffhq` is its config F at 1024 pixels:
batch size 32, Adam at 2e-3 (0, 0.99), R1 gamma 10 every 16 steps, path lengths weighted 2 every 4,
25,000 kimg, a half-life of 10 kimg for the averaged generator. Penalties are played on the last of
each 16 or 4 steps, on the first in the authors' code. It has not been run here; the published
training speed is in experiments/README.md.

The default, `laptop`, has narrow nets for 64 pixels, and R1's gamma in proportion to an image's
number of pixels. Up to 32 pixels it omits path lengths and style mixing, as the authors do for
CIFAR-10: with both, and a tenth of that gamma, images were lattices of dots. Expect recognizable
shapes without detail on 1,400 images; sliced Wasserstein distances and KID are in
experiments/README.md. stylegan2_ada.py is for few images.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config with narrow nets for a laptop, or the paper's."""
    args = arguments(arg, smoke=False, ffhq=False, laptop=True, res=0, data="photos")
    res = args.res or (1024 if args.ffhq else 64)
    config = ConfigDict()
    config.seed = 0
    config.steps = "25000kimg" if args.ffhq else "300kimg"
    config.batch = 32 if args.ffhq else 16
    config.data = {"name": args.data, "res": res, "flip": args.ffhq}
    width = {"channel_base": 32768, "channel_max": 512}
    if not args.ffhq:
        width = {"channel_base": 1024, "channel_max": 64}
    config.ema_warmup = not args.ffhq
    config.game = {
        "name": "stylegan2",
        "g": {"name": "stylegan2.Generator", **width},
        "d": {"name": "stylegan2.Discriminator", **width},
        "latent": 512,
        "gamma": 10.0 if args.ffhq else 0.2 * (res / 32) ** 2,
        "ema": "10kimg" if args.ffhq else 0.998,
    }
    if not args.ffhq:
        config.game.g.w_dim = config.game.latent = 128
        config.game.g.layers = 4
    if res <= 32 and not args.ffhq:
        config.game.update({"pl_weight": 0.0, "mixing": 0.0})
    adam = {"name": "adam", "lr": 2e-3 if args.ffhq else 2.5e-3, "b1": 0.0, "b2": 0.99}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    if args.smoke:
        config.data.res = args.res or 16
        config.game.g.channel_max = config.game.d.channel_max = 8
    return smoke(config) if args.smoke else config
