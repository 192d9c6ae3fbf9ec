"""Which keys the rows of a run's metrics.jsonl will have, before it is trained."""

import functools
import itertools
from collections.abc import Iterator

import jax

from jaxgan.training import dispatch
from jaxgan.training.dispatch import Program
from jaxgan.training.programs.due import spans
from jaxgan.training.records.journal import look_at
from jaxgan.training.replicas import first
from jaxgan.training.setup import Run


def columns(run: Run, program: Program) -> set[str]:
    """Returns the keys of all rows, but for the figures that config.log.evaluate adds.

    Nothing is compiled: the programs of all steps are traced, and that of the diagnosis.
    """
    with jax.set_mesh(run.mesh):
        names = {name for name in _of_steps(run, program) if not name.endswith("/finite")}
        diagnosed = _diagnosed(run) if run.log.pictures else set()
    measured = names | diagnosed
    spread = {f"{name}_ci95" for name in measured} if len(run.feeds) > 1 else set()
    return {*run.growth.readings(0), *measured, *spread, "images_per_s"}


def _of_steps(run: Run, program: Program) -> Iterator[str]:
    """Yields the names of the metrics of each program that the run dispatches."""
    length = min(max(dispatch.cycle_length(run.game), program.stride), dispatch.LONGEST)
    every = spans(run.game, run.growth.stages, program.stride, range(run.steps), length)
    for t in itertools.chain.from_iterable(span.programs.values() for span in every):
        _, metrics = program.lower(run.feeds[0].abstract(t), t).out_info
        yield from metrics


def _diagnosed(run: Run) -> set[str]:
    """Returns the keys of the diagnosis, which is made with each picture."""
    state = jax.eval_shape(functools.partial(first, run.game), jax.random.key(0))
    *_, measure = look_at(run, None).lowered(state)
    return {f"diagnosis/{name}" for name in measure().out_info}
