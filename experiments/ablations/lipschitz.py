"""Ways to bound the critic's slope, on eight Gaussians in the plane.

    python -m jaxgan.sweep experiments/ablations/lipschitz.py --workdir=sweeps/lipschitz
    python -m jaxgan.sweep experiments/ablations/lipschitz.py:smoke --workdir=sweeps/lipschitz-smoke

Claim: clipped weights give simple critics, and a gradient penalty trains better (Gulrajani et al.
2017, section 3, https://arxiv.org/abs/1704.00028); so does spectral normalization (Miyato et al.
2018, https://arxiv.org/abs/1802.05957), of which a penalty on singular values (Yoshida & Miyato
2017, https://arxiv.org/abs/1705.10941) is the soft form. Each has the optimizer and rate that
experiments/toy.py gives it.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments

TOY = "experiments/toy.py:recipe="


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: clipping, gradient penalty, spectral normalization and its penalty."""
    args = arguments(arg, smoke=False)
    end = ",smoke" * args.smoke
    spectral = {"game": {"regularizers": {"spectral": {"weight": 0.1}}}}
    sweep = ConfigDict()
    sweep.base = f"{TOY}wgan{end}"
    sweep.axes = {
        "critic": {
            "clipped": {},
            "gradient_penalty": {"base": f"{TOY}wgan_gp{end}"},
            "spectral_norm": {"base": f"{TOY}sn{end}"},
            "spectral_penalty": {"base": f"{TOY}hinge{end}", **spectral},
        }
    }
    sweep.seeds = 2 if args.smoke else 5
    sweep.metrics = ("modes", "modes/high_quality")
    sweep.replicas = True
    return sweep
