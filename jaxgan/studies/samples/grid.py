"""samples; of a run with classes a row for each, of one latent in each column"""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jaxgan.studies.common import flags as shared
from jaxgan.studies.common.space import given, start
from jaxgan.studies.common.study import Study

if TYPE_CHECKING:
    from jaxgan.generation.run import Run


def flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the inputs."""
    shared.add_start(parser, 64, of="samples, or in a row of one class (then 8)")


def study(run: "Run", args: argparse.Namespace) -> Study:
    """Draws a grid; raises UserError of a run without latents."""
    run.need("latents")
    if args.latents is not None or not run.kinds:
        space = start(run, argparse.Namespace(**vars(args) | {"space": "any"}), 64)
        names = space.names() if run.kinds else ()
        return Study(space.images(space.points), captions=names, arrays=space.arrays(space.points))
    from jaxgan.generation.labels import numbers

    labels = np.arange(run.kinds) if args.labels is None else numbers(args.labels, run.classes)
    columns = args.n or 8
    space = start(run, argparse.Namespace(**vars(args) | {"n": columns, "labels": None}), columns)
    repeated = np.repeat(labels, columns)
    rows = run.inputs(len(repeated), repeated, args.seed, given=given(args))
    z = np.tile(space.points, (len(labels), 1))
    space = space._replace(points=z, rows=rows)
    names = [run.classes[k] if run.classes else str(k) for k in labels.tolist()]
    return Study(space.images(z), columns, rows=names, arrays=space.arrays(z))
