"""The compiler's options for a run's programs."""

import os

import jax

# XLA's CPU back end copies what a step overwrites unless it can rule out a later reader. With this
# it rules out more: updates of gan_mlp and cgan_mlp (experiments/peers) take 8 and 14 % less time.
OVERWRITE = {"xla_cpu_copy_insertion_use_region_analysis": True}
# LLVM's level. Products and convolutions are library calls: at level 1 the steps of dcgan.py and
# stylegan2.py take as long as at XLA's 3, and compile in 15 and 26 % less CPU time.
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
