"""StyleGAN: a mapping network turns latents into styles, which set each layer's means and scales.

    python -m jaxgan.main --config=experiments/stylegan.py
    python -m jaxgan.main --config=experiments/stylegan.py:max_res=64,data=folder:/path/to/images
    python -m jaxgan.main --config=experiments/stylegan.py:ffhq,data=folder:/path/to/ffhq
    python -m jaxgan.main --config=experiments/stylegan.py:smoke

Paper: Karras et al. 2019, https://arxiv.org/abs/1812.04948. `ffhq` is its config F at 1024 pixels,
as the authors ran it on eight GPUs: it grows from 8x8, 600 kimg to fade in and 600 to train at each
resolution, 25,000 in all, batch sizes from 256 down to 32, R1 gamma 10 at every step, style mixing
with probability 0.9, Adam (0, 0.99) at 1e-3, from 128 pixels on at 1.5e-3 to 3e-3. The averaged
generator has a half-life of 10 kimg. The mapping's biases are scaled as in StyleGAN2, to count
sqrt(2) times what they do in the authors' StyleGAN. It has not been run here; the published FID and
training time are in experiments/README.md. Real images are read at the last resolution in every
stage.

The default has narrow nets, digits at 32 pixels and 20 kimg per phase, for two CPU cores: 200 kimg.
Samples are truncated with psi 0.7 in the first 8 layers, which at 32 pixels are all. Expect mostly
legible digits, but few samples of some classes (experiments/README.md).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke

BATCHES = {"16": 128, "32": 64, "64": 32}  # from each resolution on
RATES = {"128": 1.5, "256": 2.0, "512": 3.0}
LAPTOP = {"16": 32, "32": 16, "128": 8}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config with narrow nets for a laptop, or the paper's."""
    args = arguments(arg, smoke=False, ffhq=False, laptop=True, max_res=0, data="mnist")
    config = ConfigDict()
    config.seed = 0
    config.steps = "25000kimg" if args.ffhq else "200kimg"
    config.batch = 256 if args.ffhq else 64
    config.data = {
        "name": args.data,
        "res": args.max_res or (1024 if args.ffhq else 32),
        "flip": args.ffhq,
    }
    phase = 2 if args.smoke else "600kimg" if args.ffhq else "20kimg"
    batches = {} if args.smoke else BATCHES if args.ffhq else LAPTOP
    first = 4 if args.smoke else 8
    config.growth = {"first": first, "stable": phase, "fade": phase, "batch": batches}
    if args.ffhq:
        config.growth.rate = RATES
    width = {"channel_base": 16384, "channel_max": 512}
    if not args.ffhq:
        width = {"channel_base": 512, "channel_max": 64}
    config.ema_warmup = not args.ffhq
    config.game = {
        "name": "stylegan",
        "g": {"name": "stylegan.Generator", **width},
        "d": {"name": "progan.Discriminator", "filtered": True, **width},
        "latent": 512,
        "mixing": 0.9,
        "gamma": 10.0 if args.ffhq else 1.0,
        "ema": "10kimg" if args.ffhq else 0.99,
        "psi": 0.7,
        "psi_layers": 8,
    }
    if not args.ffhq:
        config.game.g.w_dim = config.game.latent = 64
        config.game.g.layers = 4
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.0, "b2": 0.99}
    config.optim = {"g": dict(adam), "d": dict(adam)}
    config.log = {"pictures": 1000}
    if args.smoke:
        config.data.res = 8
        config.game.g.channel_max = config.game.d.channel_max = 8
    return smoke(config) if args.smoke else config
