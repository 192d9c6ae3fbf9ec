"""jaxgan: generative adversarial networks as games of pure functions, in JAX and Flax."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from jaxgan.generation.run import Run


def open(  # as gzip.open
    workdir: "str | Path",
    step: int | None = None,
    replica: int = 0,
    generator: str = "",
    ema: float | None = None,
    truncation: float | None = None,
) -> "Run":
    """Opens a trained run: `jaxgan.open("runs/dcgan").sample(16)` are 16 images.

    Arguments and errors are those of generation.run.open_run, and of chosen.Choice there.
    """
    from jaxgan.generation.run import open_run  # jax is slow to import

    return open_run(workdir, step, replica, generator=generator, ema=ema, truncation=truncation)
