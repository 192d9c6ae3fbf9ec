"""The compiler's options for a run's programs."""

import os

import jax

# XLA's CPU back end copies what a step overwrites unless it can rule out a later reader. With this
# it rules out more: updates of gan_mlp and cgan_mlp (experiments/peers) take 8 and 14 % less time.
OVERWRITE = {"xla_cpu_copy_insertion_use_region_analysis": True}
# LLVM's level; XLA's is 3. On a busy machine the step of stylegan2.py at 32 pixels compiled at
# level 1 in 20.0 s of CPU time, not 27.0 (one run each), that of dcgan.py in 8.2 and 8.3, not 7.8
# and 9.7: no clear gain there. Steps took from 1 % less to 4 % more CPU time, gan.py's 10 ms 18 %
# more, the least of five each; on a quiet machine that was not measured.
LEVEL = "xla_backend_optimization_level"


def options(platform: str | None = None) -> dict[str, bool | int] | None:
    """Returns the options for a platform, or the one in use; $XLA_FLAGS may set the level."""
    if not on_cpu(platform):
        return None
    given = LEVEL in os.environ.get("XLA_FLAGS", "")
    return OVERWRITE if given else {**OVERWRITE, LEVEL: 1}


def on_cpu(platform: str | None) -> bool:
    """Returns whether a platform, or the one in use, is a CPU."""
    return (platform or jax.default_backend()) == "cpu"
