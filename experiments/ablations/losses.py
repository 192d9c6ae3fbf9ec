"""Losses and regularizers of the first GAN's two perceptrons, on digits.

    python -m jaxgan.sweep experiments/ablations/losses.py --workdir=sweeps/losses
    python -m jaxgan.sweep experiments/ablations/losses.py:smoke --workdir=sweeps/losses-smoke

Claim: the minimax loss, whose generator's gradient vanishes where D rejects its samples, trains
worse than the non-saturating one (Goodfellow et al. 2014, section 3,
https://arxiv.org/abs/1406.2661); a gradient penalty helps whatever the loss (Lucic et al. 2018,
https://arxiv.org/abs/1711.10337: no loss is better than the others over all settings).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: three losses, with and without R1; by `smoke` two cells of it."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/gan.py{':smoke' * args.smoke}"
    sweep.axes = {
        "loss": {
            "non_saturating": {},
            "minimax": {"game": {"loss": "minimax"}},
            "hinge": {"game": {"loss": "hinge"}},
        },
        "regularizer": {"none": {}, "r1": {"game": {"regularizers": {"r1": {"gamma": 1.0}}}}},
    }
    sweep.replicas = True
    sweep.seeds = 2 if args.smoke else 3
    sweep.metrics = ("swd",)
    sweep.n = 100 if args.smoke else 1000
    if args.smoke:
        del sweep.axes.loss
    else:
        sweep.budget = {"steps": 1500}
    return sweep
