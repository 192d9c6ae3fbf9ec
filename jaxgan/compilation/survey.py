"""Compiles all programs of a config for a topology, and says what does not fit and what would."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from jaxgan.compilation import programs
from jaxgan.compilation.figures import Figures, measure
from jaxgan.compilation.programs import Turns
from jaxgan.compilation.remedies import remedies
from jaxgan.compilation.topology import Topology, topology
from jaxgan.config.kinds import Options, misfit
from jaxgan.core.growth import Stage
from jaxgan.data.columns import CHANNELS
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError
from jaxgan.training.loop import build
from jaxgan.training.setup import Run, bound_source, open_source


class Wish(NamedTuple):
    """What to compile.

    topology, slices: see topology.topology. per_device: images, None for the config's batches.
    stage: a resolution, None for all. worst: the set with the most turns alone. shape, classes: of
    data that are not here; shape is None where config.data are. fast: without optimization.
    """

    topology: str
    slices: int = 1
    per_device: int | None = None
    stage: int | None = None
    worst: bool = False
    shape: tuple[int, ...] | None = None
    classes: int = 0
    fast: bool = False


class Row(NamedTuple):
    """A program of a stage, what it takes, and where it does not fit what would.

    per_device: images in a step. largest: the most images a device that fit; None where these do.
    remedies: flags that save memory.
    """

    stage: int
    turns: str
    devices: int
    per_device: int
    figures: Figures
    largest: int | None = None
    remedies: tuple[str, ...] = ()


def survey(config: Mapping[str, Any], wish: Wish) -> Iterator[Row]:
    """Yields a row for each distinct set of turns of each stage, as it is compiled.

    Raises:
      UserError: an unknown topology or stage, or anything in the config that does not fit.
    """
    target = topology(wish.topology, wish.slices)
    source = opened(config, wish)
    run = programs.prepared(config, source, target, wish.per_device, wish.stage or 0)
    with level("O0" if wish.fast else None):
        for stage in programs.stages(run, wish.stage):
            found = programs.dispatches(run, stage)
            for turns, t in (programs.worst(found) if wish.worst else found).items():
                yield row(config, source, target, run, stage, turns, t)


def row(
    config: Mapping[str, Any],
    source: Source,
    target: Topology,
    run: Run,
    stage: Stage,
    turns: Turns,
    t: int,
) -> Row:
    """Compiles one program; where it does not fit, with fewer images too."""
    figures = measure(programs.lower(run, t), run, stage, target)
    many = 1 if "data" in run.mesh.axis_names else len(run.feeds)
    each = stage.batch * many // run.mesh.size
    named = programs.words(run.game, turns, build(run, 0).stride)
    found = Row(stage.res, named, run.mesh.size, each, figures)
    if figures.fits:
        return found

    def fits(fewer: int) -> bool | None:
        try:
            smaller = programs.prepared(config, source, target, fewer, stage.res)
        except UserError:  # as of a net that takes its images in groups
            return None
        (own,) = programs.stages(smaller, stage.res)
        t = programs.dispatches(smaller, own).get(turns)
        if t is None:  # fewer images are more steps in one dispatch
            return None
        return measure(programs.lower(smaller, t), smaller, own, target).fits

    return found._replace(largest=programs.bisect(fits, each), remedies=tuple(remedies(config)))


def opened(config: Mapping[str, Any], wish: Wish) -> Source:
    """Returns the config's data, or a stand-in of the shape that was given.

    Raises:
      UserError: data that cannot be opened, or a shape that they would not have.
    """
    data = config.get("data", {})
    if text := misfit(data, Options, "config.data"):
        raise UserError(text)
    if wish.shape:
        check_shape(wish.shape, data)
        return programs.stand_in(wish.shape, wish.classes)
    try:
        return open_source(data)
    except UserError as error:
        raise UserError(f"{error}; or give --shape=H,W,C in place of data") from None


def check_shape(shape: tuple[int, ...], data: Mapping[str, Any]) -> None:
    """Compares the shape that was given with what config.data say, whose options are checked too.

    Raises:
      UserError: they differ, or data would be refused by their options alone.
    """
    at = f"--shape={','.join(map(str, shape))}"
    bound_source(data)
    if len(shape) != 3:
        return
    if shape[2] not in CHANNELS:
        raise UserError(f"{at}: {shape[2]} channels; images have {', '.join(map(str, CHANNELS))}")
    res = data.get("res")
    if res and (res, res) != shape[:2]:
        raise UserError(f"{at}: config.data.res is {res}; set one to the other's size")


@contextlib.contextmanager
def level(name: str | None) -> Iterator[None]:
    """Compiles at XLA's optimization level of that name, 'O0' to 'O3', while open."""
    before = jax.config.jax_optimization_level
    jax.config.update("jax_optimization_level", name or before)
    try:
        yield
    finally:
        jax.config.update("jax_optimization_level", before)
