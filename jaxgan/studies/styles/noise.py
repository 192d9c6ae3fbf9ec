"""what the noise in a style-based generator does: one w, many noises, and where they differ"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.parser import whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

COARSEST = 32  # largest side whose noise is coarse, of images of 128 pixels or more


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the latents and of the noises."""
    shared.add_start(parser, 2)
    parser.add_argument(
        "--noises",
        type=whole(2, 10**4),
        default=16,
        help="that the deviation is of; two are shown (default: %(default)s)",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws a row for each w: noises in all layers, in none, in the fine or coarse ones alone,
    and the deviation of each pixel, white where it is largest.

    Raises:
      UserError: a run without w.
    """
    run.need("styles")
    space = start(run, argparse.Namespace(**vars(args) | {"space": "w"}), 2)
    border = min(COARSEST, run.spec.shape[0] // 4)
    kinds: dict[str, Callable[[int], bool]] = {
        "none": lambda side: False,
        f"from {2 * border}": lambda side: side > border,
        f"to {border}": lambda side: side <= border,
    }

    def drawn(seed: int, has: Callable[[int], bool]) -> np.ndarray:
        other = run.having(with_noise(run.state, seed, has))
        return space._replace(run=other).images(space.points)

    every = np.stack([drawn(args.seed + i, lambda side: True) for i in range(args.noises)])
    std = every.std(axis=0)
    largest = float(std.max())
    images = [every[0], every[1], *(drawn(args.seed, has) for has in kinds.values())]
    deviation = np.broadcast_to(std.mean(axis=-1, keepdims=True), std.shape)
    images.append(2 * deviation / max(float(deviation.max()), 1e-12) - 1)
    names = ["noise 1", "noise 2", *kinds, "deviation"]
    shown = np.stack(images, axis=1).reshape(-1, *std.shape[1:])
    line = (
        f"deviation of a pixel over {args.noises} noises: {std.mean():.4f}, at most {largest:.4f}"
    )
    arrays = space.arrays(space.points) | {"deviation": std}
    return Study(shown, len(images), space.names(), names, arrays=arrays, lines=[line])


def with_noise(state: object, seed: int, has: Callable[[int], bool]) -> object:
    """Returns a state whose synthesis has other constant noises, and 0 where `has` says no.

    Its noises are statistics, one image (H, H) a layer; `has` is told H.
    """
    import jax

    stats = state.stats["synthesis"]
    draw = np.random.default_rng(seed)

    def new(noise: jax.Array) -> np.ndarray:
        return np.float32(draw.normal(size=noise.shape) * has(noise.shape[0]))

    noises = jax.tree.map(new, stats["noise"])
    changed = {**state.stats, "synthesis": {**stats, "noise": noises}}
    return state.replace(stats=changed)
