"""CycleGAN: translates between two sets of pictures of which none are pairs.

    python -m jaxgan.main --config=experiments/cyclegan.py
    python -m jaxgan.main --config=experiments/cyclegan.py:laptop,data=array:/path/of/a_and_b.npz
    python -m jaxgan.main --config=experiments/cyclegan.py:tutorial,data=pair:/path/of/horse2zebra
    python -m jaxgan.main --config=experiments/cyclegan.py:paper,data=pair:/path/of/horse2zebra
    python -m jaxgan.main --config=experiments/cyclegan.py:smoke
    python -m jaxgan.main --config=experiments/cyclegan.py --config.game.cycle=0
    python -m jaxgan.main --config=experiments/cyclegan.py --config.game.identity=0
    python -m jaxgan.evaluate --workdir=runs/cyclegan --metrics=kid,swd,cycle,psnr,hidden

Paper: Zhu et al. 2017, https://arxiv.org/abs/1703.10593: ResNet generators, a critic of 70x70
patches for each domain, squared errors (least_squares has half of them, hence the weight 2), cycle
weight 10 and identity weight 5, Adam 2e-4 with beta1 0.5. `paper` has its width 64, batch size 1,
pools of 50 older fakes, 256 pixels, and 200 epochs of which the second half decays to 0. `tutorial`
is the same at 128 pixels without pools and decay, one optimizer for each critic, and a critic whose
score is the mean over patches. Both need an accelerator.

The default is narrow and trained at higher rates, at 32 pixels, on crops of two photographs and
other crops of them that are recolored: a translation whose truth is known. Its generators have
BatchNorm, which batches of 8 allow: InstanceNorm after the first convolution takes away how bright
a picture is and its cast, here 2.5 dB. `laptop` is the same at 64 pixels, for pictures of one's
own: between two styles of emoji it left jagged edges, and `game.g.residual=True` none, but hardly
another style (experiments/README.md). Samples are x, its translation and the way back, of A and of
B. Without the cycle term a translation need not keep anything of the picture, without the identity
term it may change colors for no reason.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments, smoke


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of narrow nets, or with `paper` or `tutorial` of the published ones."""
    args = arguments(
        arg, smoke=False, laptop=False, paper=False, tutorial=False, res=0, data="photos_ab"
    )
    full = args.paper or args.tutorial
    config = ConfigDict()
    config.seed = 0
    config.steps = "200epochs" if full else 1500 if args.laptop else 1200
    config.batch = 1 if full else 8
    res = 256 if args.paper else 128 if args.tutorial else 64 if args.laptop else 32
    config.data = {"name": args.data, "res": args.res or res, "flip": True}
    config.game = {
        "name": "translation",
        "g": {"name": "cyclegan.ResNetGenerator", "width": 64 if full else 16},
        "d": {"name": "cyclegan.PatchDiscriminator", "width": 64 if full else 32},
        "loss": "least_squares",
        "adversarial": 2.0,
        "cycle": 10.0,
        "identity": 5.0,
        "pool": 0 if args.tutorial else 50,
    }
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
    rates = (2e-4, 2e-4) if full else (1e-3, 5e-4)
    if not args.tutorial:
        adam |= {"decay": "linear", "decay_from": 0.5}
    config.optim = {"g": {**adam, "lr": rates[0]}, "d": {**adam, "lr": rates[1]}}
    if args.tutorial:
        config.game.update({"critics": 2})
        config.game.d.pool = "mean"
        config.optim = {"g": dict(adam), "d_a": dict(adam), "d_b": dict(adam)}
    if not full:
        config.game.g.update({"blocks": 3, "norm": "BatchNorm"})
    config.log = {"samples": 8}
    return smoke(config, width=4) if args.smoke else config
