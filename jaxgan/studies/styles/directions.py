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

FIRST = ("Dense_0", "dense", "basis_scale")  # layers that take z, and a condition after it
NETS = ("g", "g1")  # that take it, of a pyramid the coarsest; finer ones have noise of their own
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

    A has the rows of every layer that takes w, or z. Of BigGAN, whose layers take a chunk of z
    each, a direction lies within one chunk.

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
    """Returns the rows (M, D) of all layers that take w, or z.

    Raises:
      UserError: no such layer.
    """
    params: Mapping[str, Any] = {**run.state.params, **run.state.ema}
    if name == "w":
        found = _styles(params.get("synthesis", {}))
    else:
        found = _first(next((params[net] for net in NETS if net in params), {}), dim)
    if not found or any(each.shape[1] != dim for each in found):
        raise UserError(
            f"this run's generator has no layer {' or '.join(STYLES if name == 'w' else FIRST)} "
            f"that takes {name}, whose weights would be factorized"
        )
    return np.concatenate([np.asarray(each, np.float64) for each in found])


def _first(params: Mapping[str, Any], dim: int) -> list[np.ndarray]:
    """Returns the transposed kernels of the layer that takes z, or of those that take its chunks.

    BigGAN's dense layer takes the first chunk, the norms of its i-th block the (i + 1)-th after
    the class; they are spectrally normalized.
    """
    found = [params[layer]["kernel"][:dim].T for layer in FIRST if layer in params]
    if found or "linear" not in params:
        return found
    size, rows = len(params["linear"]["kernel"]), [_placed(params["linear"], 0, dim)]
    for i in range(dim // size - 1):
        block = params.get(f"block{i}", {})
        norms = [block[norm] for norm in ("norm0", "norm1") if norm in block]
        at = (i + 1) * size
        rows += [_placed(norm[of], at, dim, size) for norm in norms for of in ("gain", "bias")]
    return rows


def _placed(
    layer: Mapping[str, np.ndarray], at: int, dim: int, size: int | None = None
) -> np.ndarray:
    """Returns the rows (M, dim) of a normalized layer of one chunk, from z's number `at` on.

    size: of the chunk, where it is the last of what the layer takes; None for all.
    """
    kernel = np.asarray(layer["kernel"], np.float64)
    kernel = kernel / max(float(np.linalg.norm(kernel, 2)), 1e-12)
    chunk = kernel if size is None else kernel[-size:]
    rows = np.zeros((kernel.shape[1], dim))
    rows[:, at : at + len(chunk)] = chunk.T
    return rows


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
