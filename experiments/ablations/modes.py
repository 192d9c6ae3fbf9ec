"""Losses, with and without DRAGAN's penalty, on eight Gaussians in the plane.

    python -m jaxgan.sweep experiments/ablations/modes.py --workdir=sweeps/modes --jobs=2
    python -m jaxgan.sweep experiments/ablations/modes.py:smoke --workdir=sweeps/modes-smoke

Claim: sharp gradients of D around real points make G drop modes, whatever the loss, and a penalty
there prevents it (Kodali et al. 2017, section 2.3, https://arxiv.org/abs/1705.07215).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: three losses, with and without the penalty."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/toy.py{':smoke' * args.smoke}"
    dragan = {"game": {"regularizers": {"dragan": {"weight": 0.1}}}}
    sweep.axes = {
        "loss": {
            "non_saturating": {},
            "minimax": {"game": {"loss": "minimax"}},
            "hinge": {"game": {"loss": "hinge"}},
        },
        "penalty": {"none": {}, "dragan": dragan},
    }
    sweep.seeds = 2 if args.smoke else 5
    sweep.metrics = ("modes", "modes/high_quality")
    sweep.replicas = True
    return sweep
