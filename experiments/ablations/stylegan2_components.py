"""StyleGAN2's components, taken away one at a time, at 64 pixels.

    python -m jaxgan.sweep experiments/ablations/stylegan2_components.py --workdir=sweeps/style
    python -m jaxgan.sweep experiments/ablations/stylegan2_components.py:smoke --workdir=sweeps/s2

Claim: Karras et al. 2020, table 1, https://arxiv.org/abs/1912.04958, adds to StyleGAN (A) weight
demodulation (B), lazy regularization (C), path lengths (D), skips and residuals in place of growing
(E) and width (F); FID falls at B, D, E and F, path length from D on, and C saves time alone. Its
letters are cumulative, and B, C and D grow, which nets with demodulation here do not. So A is
stylegan.py, E the base and F has twice the channels; `path_lengths`, `lazy` and `skips` are E
without what D, C and E added. StyleGAN's phases are 5 kimg, for its growth to end.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: E, without each of three components, A and F."""
    args = arguments(arg, smoke=False)
    end = ",smoke" * args.smoke
    sweep = ConfigDict()
    sweep.base = f"experiments/stylegan2.py:res=64{end}"
    a = {"base": f"experiments/stylegan.py:max_res=64{end},data=photos"}
    if not args.smoke:
        a["growth"] = {"stable": "5kimg", "fade": "5kimg"}
    wide = {"channel_base": 2048, "channel_max": 16 if args.smoke else 128}
    orig = {"architecture": "orig"}
    sweep.axes = {
        "config": {
            "E": {},
            "A": a,
            "F": {"game": {"g": wide, "d": wide}},
            "E-path_lengths": {"game": {"pl_weight": 0.0}},
            "E-lazy": {"game": {"r1_every": 1, "pl_every": 1}},
            "E-skips": {"game": {"g": orig, "d": orig}},
        }
    }
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("kid", "ppl")
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": "40kimg"}
    return sweep
