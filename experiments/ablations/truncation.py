"""Truncation's psi against precision and recall, of StyleGAN2's samples of digits.

    python -m jaxgan.sweep experiments/ablations/truncation.py --workdir=sweeps/truncation --jobs=2
    python -m jaxgan.sweep experiments/ablations/truncation.py:smoke --workdir=sweeps/psi-smoke

Claim: truncation trades variety for fidelity: as psi falls, precision rises and recall falls
(Karras et al. 2019, appendix B, https://arxiv.org/abs/1812.04948; Kynkaanniemi et al. 2019, figure
4, https://arxiv.org/abs/1904.06991). psi changes samples and not training: the cells of a seed are
figures of one run, so that differences are psi's alone.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: psi of 1, 0.7, 0.5 and 0.3."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/stylegan2.py:res=32{',smoke' * args.smoke},data=mnist"
    smaller = ("5e-1",) if args.smoke else ("7e-1", "5e-1", "3e-1")
    sweep.axes = {"psi": {"1": {}, **{psi: {"evaluate": {"psi": float(psi)}} for psi in smaller}}}
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("prdc/precision", "prdc/recall", "kid")
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": "15kimg"}
    return sweep
