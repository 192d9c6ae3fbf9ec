"""Noise on D's labels, 0 against 0.05 U(0, 1), on digits.

    python -m jaxgan.sweep experiments/ablations/label_noise.py --workdir=sweeps/noise --jobs=2
    python -m jaxgan.sweep experiments/ablations/label_noise.py:smoke --workdir=sweeps/noise-smoke

Claim: random noise on the labels of D is an important trick (Chollet 2021, Deep Learning with
Python, second edition, section 12.5, ISBN 9781617296864, which gives no figure).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: no noise, and the book's."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/gan.py{':smoke' * args.smoke}"
    noisy = {"game": {"loss": {"name": "non_saturating", "noise": 0.05}}}
    sweep.axes = {"noise": {"0": {}, "5e-2": noisy}}
    sweep.replicas = True
    sweep.seeds = 2 if args.smoke else 5
    sweep.metrics = ("swd",)
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": 1500}
    return sweep
