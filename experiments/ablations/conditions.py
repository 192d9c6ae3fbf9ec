"""Three discriminators of a conditional GAN: plain, matching-aware, and in two stages, on digits.

    python -m jaxgan.sweep experiments/ablations/conditions.py --workdir=sweeps/cgan
    python -m jaxgan.sweep experiments/ablations/conditions.py:smoke --workdir=sweeps/cgan-smoke

Claim: a discriminator that must also reject a real image with a wrong label makes samples show
what was asked for sooner (Reed et al. 2016, https://arxiv.org/abs/1605.05396, section 4.1); the
tutorials call these pairs the essential difference. `agreement` is the share of samples that a
classifier gives the label that was asked for, and `spread` how they differ within a class.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: the same nets, with the third term and with two scores."""
    args = arguments(arg, smoke=False)
    end = ",smoke" * args.smoke
    sweep = ConfigDict()
    sweep.base = f"experiments/cgan_matching.py{':smoke' * args.smoke}"
    plain = {"game": {"matching_aware": False}}
    two = {"base": f"experiments/cgan_matching.py:two_stage{end}"}
    sweep.axes = {"discriminator": {"matching": {}, "plain": plain, "two_stage": two}}
    sweep.seeds = 1 if args.smoke else 5
    sweep.metrics = ("agreement", "agreement/spread")
    if args.smoke:
        sweep.n = 100
    else:
        sweep.budget = {"steps": 1000}
    return sweep
