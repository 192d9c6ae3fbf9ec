"""Ways to bound the critic's slope, on eight Gaussians in the plane, or on digits.

    python -m jaxgan.sweep experiments/ablations/lipschitz.py --workdir=sweeps/lipschitz
    python -m jaxgan.sweep experiments/ablations/lipschitz.py:digits --workdir=sweeps/lipschitz-28
    python -m jaxgan.sweep experiments/ablations/lipschitz.py:smoke --workdir=sweeps/lipschitz-smoke

Claim: clipped weights give simple critics, and a gradient penalty trains better (Gulrajani et al.
2017, section 3, https://arxiv.org/abs/1704.00028); so does spectral normalization (Miyato et al.
2018, https://arxiv.org/abs/1802.05957), of which a penalty on singular values (Yoshida & Miyato
2017, https://arxiv.org/abs/1705.10941) is the soft form, and weight decay lowers all singular
values where that lowers the largest. Each has the optimizer and rate that experiments/toy.py gives
it, and on `digits` those of its own experiment, with the same nets. `steepness` is the critic's
largest slope between data and samples, `sigmas` the product of its layers' largest singular values.
A run that diverges is a row with its reason.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments

TOY = "experiments/toy.py:recipe="


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: clipping, gradient penalty, spectral norm, penalties on weights."""
    args = arguments(arg, smoke=False, digits=False)
    return on_digits(args.smoke) if args.digits else on_points(args.smoke)


def on_digits(smoke: bool) -> ConfigDict:
    """Returns the sweep on digits, where the critic's slope is measured too."""
    only, more = ":smoke" * smoke, ",smoke" * smoke
    decay = {"game": {"regularizers": {"spectral": {"weight": 0.0}, "l2": {"weight": 1e-3}}}}
    sweep = ConfigDict()
    sweep.base = f"experiments/wgan.py{only}"
    sweep.axes = {
        "critic": {
            "clipped": {},
            "gradient_penalty": {"base": f"experiments/wgan_gp.py:unlabelled{more}"},
            "spectral_norm": {"base": f"experiments/sngan.py:unlabelled{more}"},
            "spectral_penalty": {"base": f"experiments/snreg.py{only}"},
            "weight_decay": {"base": f"experiments/snreg.py{only}", **decay},
        }
    }
    sweep.seeds = 1 if smoke else 3
    sweep.metrics = ("swd", "steepness", "steepness/sigmas")
    if smoke:
        sweep.n = 100
    else:
        sweep.budget = {"steps": 2000}
    return sweep


def on_points(smoke: bool) -> ConfigDict:
    """Returns the sweep on eight Gaussians."""
    end = ",smoke" * smoke
    decay = {"game": {"regularizers": {"l2": {"weight": 1e-3}}}}
    spectral = {"game": {"regularizers": {"spectral": {"weight": 0.1}}}}
    sweep = ConfigDict()
    sweep.base = f"{TOY}wgan{end}"
    sweep.axes = {
        "critic": {
            "clipped": {},
            "gradient_penalty": {"base": f"{TOY}wgan_gp{end}"},
            "spectral_norm": {"base": f"{TOY}sn{end}"},
            "spectral_penalty": {"base": f"{TOY}hinge{end}", **spectral},
            "weight_decay": {"base": f"{TOY}hinge{end}", **decay},
        }
    }
    sweep.seeds = 2 if smoke else 5
    sweep.metrics = ("modes", "modes/high_quality", "steepness", "steepness/sigmas")
    sweep.replicas = True
    return sweep
