"""What a workdir holds of the run that a command is about to resume."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from jaxgan.parallel import mesh
from jaxgan.runtime import processes
from jaxgan.runtime.errors import UserError
from jaxgan.training import changes, logger, replicas, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.records import integrity
from jaxgan.training.records.found import Newest
from jaxgan.training.records.journal import due, say
from jaxgan.training.setup import Run


def recorded(
    folder: Path, record: workdir.Record, run: Run, override: Sequence[str]
) -> tuple[workdir.Record, Newest | None]:
    """Compares `record` with what the workdir holds; writes nothing.

    Without a complete checkpoint there is nothing to protect, and whatever is recorded may go.

    Returns:
      The record with the run's history, and the checkpoint to resume from, None for the start.

    Raises:
      UserError: changes that are refused, see changes.resume; damage that leaves nothing to resume
        from, or any by config.checkpoint.on_damage='stop'.
    """
    place = folder / "checkpoints"
    steps = processes.word("the checkpoints", saved(place) if processes.first() else None)
    if not steps:
        return record, None
    if not (folder / workdir.NAME).exists():
        raise UserError(
            f"{folder} has checkpoints but no {workdir.NAME}, so it is unknown what they were "
            "trained with; bring it back from a copy, or pass another --workdir"
        )
    old = workdir.read(folder)
    like = replicas.like(run.game, len(run.feeds))
    checkpoints = Checkpoints(place, write=False)
    found = checkpoints.newest(like, mesh.of_states(run.mesh), run.checkpoint.on_damage, steps)
    checkpoints.close()
    record, lines = changes.resume(folder, old, record, found.step, override, found.misfit)
    lines += integrity.changed(found.kept, folder)
    for line in found.lines(place) + (lines if found.step <= run.steps else []):
        say(line)
    written = any(row["step"] == found.step for row in logger.read(folder))
    if processes.word("the rows", written):
        found.pending = ()  # a stop saved them, and then wrote the row
    elif found.pending and due(run, found.step):
        found.since = found.step - 1  # a stop saved them, and a kill came before the row
    return record, found


def saved(place: Path) -> list[int]:
    """Returns the steps of the complete checkpoints in a folder, which may be absent."""
    if not place.exists():
        return []
    with contextlib.closing(Checkpoints(place, write=False)) as checkpoints:
        return checkpoints.steps()
