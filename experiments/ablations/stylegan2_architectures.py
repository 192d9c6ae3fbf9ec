"""How images connect to features in StyleGAN2's nets: the nine pairs, at 32 pixels.

    python -m jaxgan.sweep experiments/ablations/stylegan2_architectures.py --workdir=sweeps/nine
    python -m jaxgan.sweep experiments/ablations/stylegan2_architectures.py:smoke --workdir=sweeps/n

Claim: skips in G lower path lengths with every D, and residual blocks in D lower FID with every G
(Karras et al. 2020, section 4.1 and table 2, https://arxiv.org/abs/1912.04958).
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments

KINDS = ("orig", "skip", "resnet")


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: three generators against three discriminators."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/stylegan2.py:res=32{',smoke' * args.smoke},data=mnist"
    g, d = ({net: {"game": {p: {"architecture": net}}} for net in KINDS} for p in "gd")
    sweep.axes = {"g": {**g, "skip": {}}, "d": {**d, "resnet": {}}}
    if args.smoke:
        sweep.axes = {"g": {"skip": {}, "orig": g["orig"]}}
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("kid", "ppl")
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": "20kimg"}
    return sweep
