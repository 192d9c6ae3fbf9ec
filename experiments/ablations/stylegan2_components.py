"""StyleGAN2's components, one at a time, on digits at 32 pixels.

    python -m jaxgan.sweep experiments/ablations/stylegan2_components.py --workdir=sweeps/style
    python -m jaxgan.sweep experiments/ablations/stylegan2_components.py:smoke --workdir=sweeps/s2

Claim: Karras et al. 2020, table 1, https://arxiv.org/abs/1912.04958, adds to StyleGAN (A) weight
demodulation (B), lazy regularization (C), path lengths (D), skips and residuals in place of growing
(E) and width (F); FID falls at B, D, E and F, path length from D on, and C saves time alone.

The letters are cumulative, and B, C and D are nets that grow, which those with demodulation here do
not: so B to D cannot be trained as such. A is stylegan.py, in phases of 2 kimg so that its growth
ends. E is the base, but without path lengths, as stylegan2.py has it up to 32 pixels;
`E-path_lengths` has them, `E-every_step` regularizes at every step, which C stopped, `E-plain` has
neither skips nor residuals, and F twice the channels.
"""

from ml_collections import ConfigDict

from jaxgan.config import arguments


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep: E, three departures from it, A and F."""
    args = arguments(arg, smoke=False)
    sweep = ConfigDict()
    sweep.base = f"experiments/stylegan2.py:res=32{',smoke' * args.smoke},data=mnist"
    a = {"base": f"experiments/stylegan.py{':smoke' * args.smoke}"}
    if not args.smoke:
        a["growth"] = {"stable": "2kimg", "fade": "2kimg"}
    wide = {"channel_base": 2048, "channel_max": 16 if args.smoke else 128}
    plain = {"architecture": "orig"}
    sweep.axes = {
        "config": {
            "E": {},
            "A": a,
            "F": {"game": {"g": wide, "d": wide}},
            "E-path_lengths": {"game": {"pl_weight": 2.0}},
            "E-every_step": {"game": {"r1_every": 1}},
            "E-plain": {"game": {"g": plain, "d": plain}},
        }
    }
    sweep.seeds = 1 if args.smoke else 3
    sweep.metrics = ("kid", "ppl")
    sweep.n = 100 if args.smoke else 1000
    if not args.smoke:
        sweep.budget = {"steps": "10kimg"}
    return sweep
