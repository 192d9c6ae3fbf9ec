"""what a dimension of z or of a code does: a row for each latent, a column for each value"""

import argparse
import re
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import real, whole
from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import Space, start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

MEANS = [-0.6, -0.3, 0.1, 0.3, 0.6]
# Of N(0, 1), eight quantiles at even distances between 0.14 and 0.86.
QUANTILES = [-1.08031934, -0.69714143, -0.39691713, -0.12927146]
QUANTILES += [-value for value in reversed(QUANTILES)]


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the dimensions, the values and the base latents."""
    shared.add_start(parser, 2, of="drawn base latents, in place of --means")
    parser.add_argument(
        "--dims",
        default="0",
        help="dimensions, counted from 0: 28,5,11, y10 for a number of a code; or all, which ranks "
        "those of z by how much they change the samples (default: %(default)s)",
    )
    parser.add_argument(
        "--values",
        type=shared.numbers(),
        help="(default: eight quantiles of N(0, 1), ±0.13 to ±1.08; of a code, -1 to 1)",
    )
    parser.add_argument(
        "--means",
        type=shared.numbers(),
        help="base latents: all dimensions have this mean (default: -0.6,-0.3,0.1,0.3,0.6)",
    )
    parser.add_argument(
        "--std", type=real(0, 100), default=0.0, help="of the base latents (default: 0)"
    )
    parser.add_argument(
        "--top", type=whole(1, 1000), default=8, help="rows that --dims=all shows (default: 8)"
    )


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws the sweeps.

    Raises:
      UserError: a run without latents, a dimension that it does not have, or flags of which one
        would be dropped.
    """
    base = _base(run, args)
    if args.dims == "all":
        return _ranked(base, args)
    dims = [_dimension(base, text) for text in args.dims.split(",")]
    values = [_values(args, name) for name, _ in dims]
    if len({len(each) for each in values}) > 1:
        raise UserError("--dims of z and of codes have other default values; pass --values")
    swept = [_swept(base, *dim, each) for dim, each in zip(dims, values, strict=True)]
    rows = {key: np.concatenate([each[key] for each in swept]) for key in swept[0]}
    whole_space = base._replace(points=rows["z"], rows=rows)
    images = whole_space.images(rows["z"])
    names = [f"{value:.2f}" for value in values[0]]
    labels = [f"{text} {name}" for text in args.dims.split(",") for name in _names(base, args)]
    effects = _effects(images, len(dims), len(base.points), len(names))
    arrays = whole_space.arrays(rows["z"]) | {"values": np.array(values), "effects": effects}
    said = [f"{text}: {e:.4f}" for text, e in zip(args.dims.split(","), effects, strict=True)]
    line = f"mean change of a sample from the first value to the last: {', '.join(said)}"
    return Study(images, len(names), labels, names, arrays=arrays, lines=[line])


def _base(run: "Run", args: argparse.Namespace) -> Space:
    drawn = args.latents is not None or args.n is not None
    if drawn and (args.means is not None or args.std):
        raise UserError("--means and --std say what the base latents are, as --n and --latents do")
    if drawn:
        return start(run, args, 2)
    means = MEANS[2:3] if args.dims == "all" else MEANS
    means = np.array(means if args.means is None else args.means, np.float32)
    space = start(run, args, len(means), {"label": np.zeros(1, np.int32)} if run.kinds else {})
    return space._replace(points=means[:, None] + np.float32(args.std) * space.points)


def _names(base: Space, args: argparse.Namespace) -> list[str]:
    if args.latents is not None or args.n is not None:
        return base.names()
    return [f"mean {m:g}" for m in (MEANS if args.means is None else args.means)]


def _dimension(base: Space, text: str) -> tuple[str, int]:
    """Parses 28 or y10: the input and its dimension."""
    match = re.fullmatch(r"(y?)(\d{1,9})", text.strip())
    if not match:
        raise UserError(f"--dims={text}: write dimensions as in 28,5,11 or y10, or all")
    name, dim = match[1] or "z", int(match[2])
    rows = base.rows.get(name, np.empty(0))
    length = rows.shape[1] if rows.ndim == 2 else 0
    if dim >= length:
        what = "z" if name == "z" else "this run's condition"
        raise UserError(f"--dims={text}: {what} has {length} numbers, from 0")
    return name, dim


def _values(args: argparse.Namespace, name: str) -> list[float]:
    if args.values is not None:
        return args.values
    return QUANTILES if name == "z" else np.linspace(-1, 1, len(QUANTILES)).tolist()


def _swept(base: Space, name: str, dim: int, values: list[float]) -> dict[str, np.ndarray]:
    """Returns the inputs of each base latent with each of the values."""
    of = np.repeat(np.arange(len(base.points)), len(values))
    rows = {key: np.array(value) for key, value in base.inputs(base.points[of], of).items()}
    rows[name][:, dim] = np.tile(np.float32(values), len(base.points))
    return rows


def _effects(images: np.ndarray, dims: int, bases: int, columns: int) -> np.ndarray:
    """Computes the mean change of the samples from the first value to the last, by dimension."""
    each = images.reshape(dims, bases, columns, -1)
    return np.abs(each[:, :, -1] - each[:, :, 0]).mean(axis=(1, 2))


def _ranked(base: Space, args: argparse.Namespace) -> Study:
    """Ranks all dimensions of z, and shows those at the top on the first base latent."""
    values, count = _values(args, "z"), base.points.shape[1]
    ends = [_swept(base, "z", dim, [values[0], values[-1]]) for dim in range(count)]
    every = {key: np.concatenate([each[key] for each in ends]) for key in ends[0]}
    images = base._replace(rows=every).images(every["z"])
    effects = _effects(images, count, len(base.points), 2)
    order = np.argsort(-effects, kind="stable")
    first = base._replace(points=base.points[:1], rows={k: v[:1] for k, v in base.rows.items()})
    top = order[: args.top]
    swept = [_swept(first, "z", int(dim), values) for dim in top]
    rows = {key: np.concatenate([each[key] for each in swept]) for key in swept[0]}
    shown = first._replace(rows=rows)
    names = [f"{value:.2f}" for value in values]
    labels = [f"{dim}: {effects[dim]:.4f}" for dim in top]
    arrays = shown.arrays(rows["z"]) | {"effects": effects, "order": order}
    line = f"mean change of a sample, by dimension: {', '.join(labels)}"
    return Study(shown.images(rows["z"]), len(values), labels, names, arrays=arrays, lines=[line])
