"""The compiler's options for a run's programs."""

import functools
import os

import jax

# XLA's CPU back end copies what a step overwrites unless it can rule out a later reader. With this
# it rules out more: updates of gan_mlp and cgan_mlp (experiments/peers) take 8 and 14 % less time.
OVERWRITE = {"xla_cpu_copy_insertion_use_region_analysis": True}
# LLVM's level, for what runs once or seldom: initialization, pictures and diagnoses compile in half
# the CPU time at level 1. A step keeps XLA's level 3: at 1 gan.py's takes 18 % longer on a quiet
# machine (5.4 to 6.3 and 4.7 to 5.3 ms, three runs each), and dcgan.py's as long.
LEVEL = "xla_backend_optimization_level"
# These gain another quarter without MLIR's emitters of fusions, which make faster code of steps.
SELDOM = {LEVEL: 1, "xla_cpu_use_fusion_emitters": False}


def options(platform: str | None = None, *, seldom: bool = False) -> dict[str, bool | int] | None:
    """Returns the options for a platform, or the one in use.

    `seldom`: for a program that is cheap to run and so is compiled cheaply, unless $XLA_FLAGS sets
    the level.
    """
    if not on_cpu(platform):
        return None
    given = LEVEL in os.environ.get("XLA_FLAGS", "")
    wanted = {**OVERWRITE, **SELDOM} if seldom and not given else OVERWRITE
    return {name: value for name, value in wanted.items() if _known(name, value)}


@functools.cache
def _known(name: str, value: bool | int) -> bool:
    """Returns whether this XLA has an option; those of its CPU back end come and go."""
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        return False
    return True


def on_cpu(platform: str | None) -> bool:
    """Returns whether a platform, or the one in use, is a CPU."""
    return (platform or jax.default_backend()) == "cpu"
