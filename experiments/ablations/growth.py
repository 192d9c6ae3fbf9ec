"""Progressive growing against all layers from the start, at equal seconds, on digits.

    python -m jaxgan.sweep experiments/ablations/growth.py --workdir=sweeps/growth
    python -m jaxgan.sweep experiments/ablations/growth.py:smoke --workdir=sweeps/growth-smoke

Claim: growing reaches comparable quality two to six times faster, since most images are of small
resolutions, and is stabler (Karras et al. 2018, section 2, https://arxiv.org/abs/1710.10196). Both
nets are trained for the same seconds, so run one at a time on a machine that does nothing else. The
growing run must come to its last resolution within them: it fades in 32 pixels after 60 kimg.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: first resolutions of 4 and 32 pixels, for as long."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/progan.py{':smoke' * args.smoke}"
    fixed = {"growth": {"first": 8 if args.smoke else 32}}
    sweep.axes = {"growth": {"growing": {}, "fixed": fixed}}
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("kid",) if args.smoke else ("swd", "kid")
    sweep.n = 100 if args.smoke else 1000
    sweep.budget = {"seconds": 5 if args.smoke else 400}
    return sweep
