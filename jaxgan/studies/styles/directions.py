"""SeFa: the directions of w, or of z, that a generator's weights scale most"""

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import real, whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

FIRST = ("Dense_0", "dense")  # names of the layer that takes z, and a condition after it
STYLES = ("affine", "style")  # of those that take w


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the latents and of the moves."""
    shared.add_start(parser, 1)
    parser.add_argument(
        "--top", type=whole(1, 1000), default=5, help="directions (default: %(default)s)"
    )
    parser.add_argument(
        "--reach",
        type=real(0, 1e4),
        default=3.0,
        help="how far to move to both sides, in standard deviations of the latents along the "
        "direction (default: %(default)s)",
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Moves latents along the eigenvectors of A^T A, A the weights (Shen & Zhou 2021, section 3.2).

    Raises:
      UserError: a run without latents, or whose first layer is not known.
    """
    run.need("latents")
    name = "z" if run.game.styles is None else "w"
    space = start(run, argparse.Namespace(**vars(args) | {"space": name}), 1)
    directions, strengths = factorized(weights(run, name, space.points.shape[1]), args.top)
    count = len(directions)
    scale = np.ones(count)
    if name == "w":
        scale = (run.styles(run.inputs(500, seed=args.seed)) @ directions.T).std(axis=0)
    moves = np.linspace(-args.reach, args.reach, 7)
    steps = (scale[:, None, None] * moves[:, None] * directions[:, None]).reshape(-1, 1)[:, 0]
    steps = steps.reshape(1, count, len(moves), -1)
    points = np.float32(space.points[:, None, None] + steps).reshape(-1, space.points.shape[1])
    of = np.repeat(np.arange(len(space.points)), count * len(moves))
    base = space.names()
    many = len(base) > 1
    rows = [f"{i + 1}{f' of {each}' * many}" for each in base for i in range(count)]
    names = [f"{move:+.1f}" for move in moves]
    arrays = space.arrays(points, of) | {"directions": directions, "strengths": strengths}
    line = f"strengths: {', '.join(f'{s:.3g}' for s in strengths)}"
    images = space.images(points, of)
    return Study(images, len(moves), rows, names, arrays=arrays, lines=[line])


def factorized(matrix: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the unit directions (top, D) that a matrix (M, D) scales most, and by how much."""
    _, values, directions = np.linalg.svd(matrix, full_matrices=False)
    return np.float32(directions[:top]), values[:top]


def weights(run: "Run", name: str, dim: int) -> np.ndarray:
    """Returns the rows (M, D) of all layers that take w, or of the one that takes z.

    Raises:
      UserError: no such layer.
    """
    net = "synthesis" if name == "w" else "g"
    params: Mapping[str, Any] = {**run.state.params, **run.state.ema}.get(net, {})
    if name == "w":
        found = list(_styles(params))
    else:
        found = [params[layer]["kernel"][:dim].T for layer in FIRST if layer in params]
    if not found or any(each.shape[1] != dim for each in found):
        raise UserError(
            f"this run's generator has no layer {' or '.join(STYLES if name == 'w' else FIRST)} "
            f"that takes {name}, whose weights would be factorized"
        )
    return np.concatenate([np.asarray(each, np.float64) for each in found])


def _styles(params: Mapping[str, Any]) -> list[np.ndarray]:
    """Returns the transposed kernels of all layers below one of STYLES."""
    found = []
    for name, node in params.items():
        if not isinstance(node, Mapping):
            continue
        if name in STYLES:
            node = node if "kernel" in node else next(iter(node.values()))
            found.append(np.asarray(node["kernel"]).T)
        else:
            found += _styles(node)
    return found
