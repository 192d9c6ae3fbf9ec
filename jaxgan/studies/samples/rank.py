"""the samples that the critic scores highest and lowest"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.parser import whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the samples."""
    shared.add_start(parser, 256, of="samples to choose from")
    parser.add_argument(
        "--shown", type=whole(1, 100), default=8, help="of each end (default: %(default)s)"
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws a row of the best and a row of the worst, with the critic's logits.

    Raises:
      UserError: a run without latents.
    """
    space = start(run, args, 256)
    images = space.images(space.points)
    scores = run.critic(images, **judged_with(space.rows))
    order = np.argsort(-scores, kind="stable")
    count = min(args.shown, max(1, len(order) // 2))
    shown = np.concatenate([order[:count], order[::-1][:count]])
    captions = [f"{score:.2f}" for score in scores[shown]]
    arrays = space.arrays(space.points[shown], shown) | {"scores": scores[shown]}
    line = (
        f"{len(scores)} logits, mean {scores.mean():.2f}, {scores.min():.2f} to {scores.max():.2f}"
    )
    return Study(images[shown], count, ("best", "worst"), (), captions, arrays, [line])


def judged_with(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns what a conditional critic judges samples of these inputs with."""
    y = rows.get("y")
    if y is None:
        return {}
    return {"labels" if y.dtype.kind == "i" else "conditions": y}
