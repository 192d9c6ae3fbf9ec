"""Recipes with a counterpart in PyTorch, for timing the two side by side.

    python -m jaxgan.bench --config=experiments/peers/pytorch.py:dcgan64
    python -m jaxgan.benchmark.compare_torch --peers=/path/to/torch_peers.py dcgan64

Each is an experiment with the counterpart's nets, batch size, optimizer and order of updates, on
embedded images of its size, without an averaged generator, which the counterparts do not keep.
Timings are in README.md. The remaining differences:

    all                   d's accuracies and the gradient norms are computed too, for the log
    gan_mlp               real and fake images pass through d as one batch, with the same values
    cgan_mlp, acgan32     fakes get the batch's labels, not freshly drawn ones
    acgan32               losses are summed, not averaged: a factor that Adam removes
    dcgan64, wgan_gp64    g's last convolution has a bias (3 numbers)
    wgan_gp64, sngan32    each critic step has its own batch, not one for all five
    sngan32               u is updated once per critic step, not in each of its forward passes;
                          the 1x1 convolutions of shortcuts are applied to the smaller maps, which
                          gives the same values for some 4 % less work
    r3gan64               g's real images are d's; nets of the experiment's default, narrow, and
                          plain numbers in place of its schedules
    biggan32              the experiment's narrow nets without its orthogonal regularizer; fakes get
                          freshly drawn labels, each critic step has its own batch, and u is updated
                          once per step; a counterpart's attention is in both nets, at 16 pixels
    cyclegan128           rates fall in the second half; B's images are others, not A's mirrored
"""

from pathlib import Path

from ml_collections import ConfigDict

from jaxgan.config import arguments, load, override

EXPERIMENTS = Path(__file__).parents[1]
SLOW = {"lr": 1e-4, "b1": 0.0, "decay": "constant"}
PEERS = {
    "gan_mlp": ("gan.py", {"game.joint": True}),
    "cgan_mlp": ("cgan.py", {"game.regularizers": "{}"}),
    "acgan32": ("acgan.py:tutorial", {}),
    "dcgan64": ("dcgan.py:res=64,data=photos", {}),
    "wgan_gp64": (
        "wgan_gp.py:res=64,data=photos",
        {
            "game.g.width": 64,
            "game.d.width": 64,
            "game.latent": 100,
            "game.n_critic": 5,
            **{f"optim.{player}.{key}": value for player in "gd" for key, value in SLOW.items()},
        },
    ),
    "sngan32": (
        "sngan.py:cifar",
        {
            "data.name": "photos",
            "game.g_batch": 1,
            "game.dequantize": False,
            "optim.g.decay": "constant",
            "optim.d.decay": "constant",
        },
    ),
    "r3gan64": (
        "r3gan.py:res=64,data=photos",
        {
            **{f"optim.{player}.lr": 1e-3 for player in "gd"},
            **{f"optim.{player}.b2": 0.99 for player in "gd"},
            **{f"game.regularizers.{label}.gamma": 1.0 for label in ("r1", "r2")},
        },
    ),
    "biggan32": ("biggan.py", {"game.g_regularizers": "{}", "game.standing": 0}),
    "cyclegan128": (
        "cyclegan.py:paper,res=128,data=photos_ab",
        {"batch": 1, "steps": 1000, "data.flip": False, "game.pool": 0},
    ),
}


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the config of the named recipe, at batch size 64, cyclegan128 at 1."""
    args = arguments(arg, **dict.fromkeys(PEERS, False))
    (name,) = [name for name in PEERS if getattr(args, name)] or ["dcgan64"]
    file, changes = PEERS[name]
    config = load(str(EXPERIMENTS / file))
    changes = {"batch": 64, "game.ema": 0.0, **changes}
    override(config, [f"--config.{key}={value}" for key, value in changes.items()])
    return config
