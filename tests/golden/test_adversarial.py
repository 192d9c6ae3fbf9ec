"""A step of each recipe of one generator against one critic, against reference/ in PyTorch.

The config is the experiment's, at small widths. What the reference gives is under expected/.
"""

import jax
import pytest
import replay

SMALL = {"game.g.width": 2, "game.d.width": 2, "game.latent": 4}
RESNET = {"game.g.width": 4, "game.d.width": 4, "game.latent": 6}
SAGAN = SMALL | {"game.g.attention": 24, "game.d.attention": 24, "game.latent": 6}
MLP = {"game.g": {"name": "mlp.Generator", "widths": (4, 5)},
       "game.d": {"name": "mlp.Discriminator", "widths": (3, 4)}, "game.latent": 4}  # fmt: skip
CGAN = {"game.g.widths": (4, 5, 6, 7), "game.d.widths": (4, 5, 6), "game.latent": 4}
NO_DROPOUT = {"game.d.dropout": 0.0}
PAIRING = {"game.loss": "relativistic_pairing", "game.ema": 0.999}
R1_R2 = {"game.regularizers": {"r1": {"gamma": 10.0}, "r2": {"gamma": 10.0}}}
STAGES = {"widths": (8, 4, 4), "cardinality": (2, 1, 2)}
R3GAN = {f"game.{net}.{key}": value for net in "gd" for key, value in STAGES.items()}
LAZY_R1 = {"game.regularizers": {"r1": {"gamma": 10.0, "every": 16}}}

CASES = {  # recipe: (experiment and its argument, what is smaller or changed)
    "wgan_gp": ("wgan_gp.py:cifar,labels", RESNET),
    "sngan": ("sngan.py:cifar,labels", RESNET),
    "sagan": ("sagan.py", SAGAN),
    "dcgan": ("dcgan.py:celeba", SMALL),
    "gan": ("gan.py", MLP),
    "gan_minimax": ("gan.py:minimax", MLP),
    "gan_lazy": ("gan.py", MLP | LAZY_R1),
    "lsgan": ("lsgan.py", SMALL),
    "wgan": ("wgan.py", SMALL),
    "dragan": ("dragan.py", SMALL),
    "snreg": ("snreg.py", SMALL),
    "relativistic": ("dragan.py", SMALL | PAIRING | R1_R2),
    "r3gan": ("r3gan.py:res=16,labelled", R3GAN | {"game.latent": 4, "game.d.embedding": 6}),
    "acgan": ("acgan.py", SMALL),
    "acgan_tutorial": (
        "acgan.py:tutorial",  # whose fresh labels the reference does not draw
        SMALL | NO_DROPOUT | {"game.g.width": 4, "game.fresh_labels": False},
    ),
    "cgan": ("cgan.py", CGAN | NO_DROPOUT),
    "cgan_matching": ("cgan_matching.py", SMALL),
    "cgan_two_stage": ("cgan_matching.py:two_stage", SMALL),
    "infogan": ("infogan.py:paper", SMALL),
    "dcgan_anime": ("dcgan_anime.py", SMALL | NO_DROPOUT),
}

STEPS = {"r3gan": 6250}  # of 4 images each: a quarter of its schedules' 100 kimg
RTOL = 1e-8
# optax computes a schedule in float32.
DECAYING, RTOL_DECAY = ("wgan_gp", "sngan", "acgan"), 2e-7


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_the_references(name, monkeypatch):
    with jax.enable_x64(True):
        game = replay.build(name, *CASES[name])
        state = replay.start(name, game, step=STEPS.get(name, 0))
        new, metrics = replay.program(name, game, state, monkeypatch)(state)
    replay.check(name, state, new, metrics, RTOL_DECAY if name in DECAYING else RTOL)
