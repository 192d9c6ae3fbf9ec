"""What the recipes of adversarial games consist of, at small widths."""

# ruff: noqa: C408  (keywords read better than keys)

from functools import partial

from reference import nets, r3gan
from reference.losses import dragan, gradient_penalty, r1, r2, spectral
from reference.optim import adam, constant, lazy, linear, rmsprop

DCGAN = {"plan": (4, 2), "size": 4}  # 16 pixels, width 2
G16 = partial(nets.dcgan_g, **DCGAN, channels=1)
D16 = partial(nets.dcgan_d, plan=(2, 4))
BARE = partial(D16, norm=False)
USUAL = adam(constant(2e-4), 0.5, 0.999)
CIFAR = dict(n_critic=5, side=32, channels=3, latent=6, g_batch=2, dequantize=True, label=True)
RESNET_G = partial(nets.resnet_g, plan=(4,) * 4, size=4, classes=3)
FALL_D, FALL_G = (adam(linear(2e-4, n), 0.0, 0.9) for n in (40, 8))
MATCH = dict(label=True, project=True, matching=True, decay=0.998, loss="non_saturating")
FAST = adam(linear(1e-3, 40, 0.5), 0.5, 0.999)
# R3GAN's numbers after a quarter of their schedules.
QUARTER = partial(r3gan.cosine, part=0.25)
R3GAN = {"plan": (8, 4, 4), "groups": (2, 1, 2), "classes": 3}
MOVED = adam(constant(QUARTER(1e-3, 2.5e-4)), 0.0, QUARTER(0.9, 0.99))
PENALTY = QUARTER(0.25, 0.025)

RECIPES = {
    "wgan_gp": dict(
        CIFAR, g=RESNET_G, loss="wasserstein", terms={"gradient_penalty": gradient_penalty},
        d=partial(nets.resnet_d, plan=(4,) * 4, halvings=2, sn=False, heads=3, pool="mean"),
        acgan=(1.0, 0.0, 0.1), opt_d=FALL_D, opt_g=FALL_G,
    ),
    "sngan": dict(
        CIFAR, g=RESNET_G, loss="hinge", project=True, opt_d=FALL_D, opt_g=FALL_G,
        d=partial(nets.resnet_d, plan=(4,) * 4, halvings=2, classes=3),
    ),
    "sagan": dict(
        side=48, channels=3, latent=6, label=True, project=True, loss="hinge", decay=0.998,
        g=partial(nets.resnet_g, plan=(16, 8, 4, 2), size=6, classes=3, sn=True, attend=24),
        d=partial(nets.resnet_d, plan=(2, 4, 8, 16, 32), halvings=4, classes=3, attend=24,
                  widen_first=True),
        opt_g=adam(constant(1e-4), 0.0, 0.9), opt_d=adam(constant(4e-4), 0.0, 0.9),
    ),
    "dcgan": dict(g=G16, d=D16, loss="non_saturating", decay=0.999),
    "gan": dict(
        side=28, latent=4, g=partial(nets.mlp_g, widths=(4, 5), side=28), decay=0.999,
        d=partial(nets.mlp_d, widths=(3, 4)), loss="non_saturating",
    ),
    "gan_minimax": dict(
        side=28, latent=4, g=partial(nets.mlp_g, widths=(4, 5), side=28), decay=0.999,
        d=partial(nets.mlp_d, widths=(3, 4)), loss="minimax",
    ),
    "gan_lazy": dict(
        side=28, latent=4, g=partial(nets.mlp_g, widths=(4, 5), side=28), decay=0.999,
        d=partial(nets.mlp_d, widths=(3, 4)), loss="non_saturating", lazy={"r1": (r1, 16)},
        opt_d=lazy(2e-4, 0.5, 0.999, 16),
    ),
    "lsgan": dict(g=G16, d=D16, loss="least_squares", decay=0.998),
    "wgan": dict(
        g=G16, d=BARE, loss="wasserstein", decay=0.998, n_critic=5,
        opt_d=rmsprop(5e-5, clip=0.01), opt_g=rmsprop(5e-5),
    ),
    "dragan": dict(g=G16, d=BARE, loss="non_saturating", decay=0.998, terms={"dragan": dragan}),
    "snreg": dict(g=G16, d=BARE, loss="non_saturating", decay=0.998, terms={"spectral": spectral}),
    "relativistic": dict(g=G16, d=BARE, loss="pairing", decay=0.999, terms={"r1": r1, "r2": r2}),
    "r3gan": dict(
        channels=3, label=True, project=True, loss="pairing", opt_d=MOVED, opt_g=MOVED,
        g=partial(r3gan.generator, **R3GAN), d=partial(r3gan.discriminator, **R3GAN, embedding=6),
        terms={"r1": partial(r1, gamma=PENALTY), "r2": partial(r2, gamma=PENALTY)},
        decay=0.5 ** (4 / QUARTER(0, 1e4)),
    ),
    "acgan": dict(
        g=partial(G16, classes=3, embedding=50), d=partial(BARE, heads=3, sn=True), decay=0.998,
        label=True, loss="non_saturating", acgan=(1.0, 1.0, 0.3), opt_d=FAST, opt_g=FAST,
    ),
    "acgan_tutorial": dict(
        g=partial(nets.acgan_g, width=4, size=4, classes=3), decay=0.999, label=True,
        d=partial(nets.acgan_d, width=2, heads=3), loss="non_saturating", acgan=(1.0, 1.0, 1.0),
    ),
    "cgan": dict(
        side=28, g=partial(nets.cgan_g, widths=(4, 5, 6, 7), side=28, classes=3), decay=0.999,
        d=partial(nets.cgan_d, widths=(4, 5, 6), classes=3), loss="non_saturating",
        label=True, project=True, terms={"r1": partial(r1, gamma=1.0)},
    ),
    "cgan_matching": dict(
        MATCH, g=partial(G16, classes=3, embedding=50), d=partial(D16, classes=3)
    ),
    "cgan_two_stage": dict(
        MATCH, g=partial(G16, classes=3, embedding=50),
        d=partial(nets.two_stage_d, plan=(2, 4), classes=3, embedding=128),
    ),
    "infogan": dict(
        side=28, g=partial(nets.infogan_g, width=2, side=28), loss="non_saturating", info=10,
        d=partial(nets.infogan_d, width=2, heads=12), decay=0.998,
        opt_g=adam(constant(1e-3), 0.5, 0.999), opt_d=USUAL,
    ),
    "dcgan_anime": dict(
        side=64, channels=3, g=partial(nets.anime_g, width=2), d=partial(nets.anime_d, width=2),
        loss="non_saturating", noise=0.05, decay=0.999,
        opt_g=adam(constant(1e-4), 0.9, 0.999, 1e-7), opt_d=adam(constant(1e-4), 0.9, 0.999, 1e-7),
    ),
}  # fmt: skip
DEFAULTS = dict(
    side=16, channels=1, latent=4, g_batch=1, dequantize=False, label=False, project=False,
    matching=False, acgan=None, info=0, noise=0.0, terms={}, lazy={}, decay=0.0, n_critic=1,
    opt_d=USUAL, opt_g=USUAL,
)  # fmt: skip
