"""What labels are for: none, given to both nets, predicted by D, and found by D; on digits.

    python -m jaxgan.sweep experiments/ablations/labels.py --workdir=sweeps/labels --jobs=2
    python -m jaxgan.sweep experiments/ablations/labels.py:smoke --workdir=sweeps/labels-smoke

Claim: more structure in the latent space and a cost function for it make samples better (Odena et
al. 2017, https://arxiv.org/abs/1610.09585, abstract): ACGAN beats CGAN (Mirza & Osindero 2014,
https://arxiv.org/abs/1411.1784), which beats the GAN without labels; InfoGAN's codes cost nothing
(Chen et al. 2016, https://arxiv.org/abs/1606.03657, section 4). Loss, nets, batch size and Adam
are those of lsgan.py in all. Coverage and recall see classes that are missing.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: GAN, CGAN, ACGAN and InfoGAN on the same nets."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/lsgan.py{':smoke' * args.smoke}"
    code = {"name": "infogan", "categories": 10, "continuous": 2}
    acgan = {"condition": "label", "auxiliary": "acgan"}
    sweep.axes = {
        "game": {
            "gan": {},
            "cgan": {"game": {"condition": "label"}},
            "acgan": {"game": acgan},
            "infogan": {"game": {"auxiliary": code}},
        }
    }
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("swd", "prdc", "prdc/recall")
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": 1500}
    return sweep
