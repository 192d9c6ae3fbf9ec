"""Checkpoints of the whole `State` by orbax: asynchronous and atomic; keeps the last few.

Each carries a checksum (records/integrity.py). One that is damaged is passed over for the one
before, or refused, never loaded.

Of several processes each has the whole state. So the first alone writes, each reads for itself, and
Orbax, whose own meetings of all processes may have no end, knows of one.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import numpy as np
from orbax.checkpoint import checkpoint_manager
from orbax.checkpoint import v1 as ocp

from jaxgan.core.game import State
from jaxgan.parallel import mesh
from jaxgan.runtime import files, processes
from jaxgan.runtime.errors import UserError, is_full
from jaxgan.training.records import integrity
from jaxgan.training.records.found import Damaged, Newest

RESTORING = 1800  # seconds for all processes to read a checkpoint


class Checkpoints:
    """The checkpoints in a folder, each named by its step."""

    def __init__(
        self,
        folder: Path,
        *,
        keep: int | None = None,
        every: int = 0,
        write: bool = True,
        beside: Sequence[Path] = (),
    ):
        """Opens the folder; to write, creates it and removes the remains of an interrupted save.

        Args:
          folder: of the checkpoints.
          keep: how many of the latest are kept; None for all.
          every: those of every `every`-th step are kept permanently; 0 for none.
          write: False to read only, beside a run that may be saving.
          beside: files to which lines are added only, of which each checkpoint keeps a checksum.

        Raises:
          UserError: a file in the folder's place, or a folder that cannot be opened.
        """
        policies = ocp.training.preservation_policies
        policy = policies.LatestN(keep)
        if every:
            policy = policies.AnyPreservationPolicy([policy, policies.EveryNSteps(every)])
        self._folder, self._beside = folder, beside
        self._saving: Any = None
        # Orbax's threads log the traceback of errors that are raised here as well: once is enough.
        for name in ("absl", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with files.writing(folder) if write else files.reading(folder):
            folder.mkdir(parents=True, exist_ok=True) if write else list(folder.iterdir())
            with _alone() as context:
                self._orbax = ocp.training.Checkpointer(
                    folder.absolute(),
                    preservation_policy=policy,
                    cleanup_tmp_directories=write,
                    context=context,
                )

    def latest(self) -> int | None:
        """Returns the step of the newest complete checkpoint, None when there is none."""
        newest = self._orbax.latest
        return None if newest is None else newest.step

    def steps(self) -> list[int]:
        """Returns the steps of all complete checkpoints, in order."""
        return sorted(each.step for each in self._orbax.checkpoints)

    def save(self, state: State, step: int, pending: Sequence[Any] = ()) -> None:
        """Starts to write `state`; waits only for a save in progress, and raises its errors.

        `pending` is JSON that is kept with it: metrics of no row yet.

        Raises:
          UserError: the disk is full, or the folder cannot be written.
        """
        with self._disk(step):
            self._finish()
            kept = integrity.describe(state, step, pending, self._beside)
            if processes.count() > 1:  # Orbax takes a process's own arrays from NumPy alone
                state = jax.tree.map(np.array, state)
            self._saving = self._orbax.save_async(
                step, state, force=True, overwrite=True, custom_metadata=kept
            )

    def wait(self) -> None:
        """Waits until what `save` started is written; raises as it does."""
        with self._disk(self.latest()):
            self._finish()

    def newest(
        self,
        like: State,
        sharding: jax.sharding.Sharding,
        on_damage: str,
        steps: Sequence[int] | None = None,
    ) -> Newest:
        """Restores the newest checkpoint that is whole, if it has the shapes and types of `like`.

        Whole is what all processes could read.

        Args:
          like: an abstract state.
          sharding: of the restored arrays.
          on_damage: 'fallback' to pass over what is damaged, 'stop' to refuse it.
          steps: among which to look, in order; None for `steps()`.

        Raises:
          UserError: none is whole, or by 'stop' the newest is not.
        """
        damaged: dict[int, str] = {}
        for step in reversed(self.steps() if steps is None else steps):
            found, error = self._attempt(like, sharding, step)
            causes = processes.words("restoring", error.cause if error else "", RESTORING)
            if found and not any(causes):
                found.damaged.update(damaged)
                return found
            if error and on_damage == "stop":
                raise error
            damaged[step] = next(filter(None, causes))
        listed = "; ".join(f"step {step}, {cause}" for step, cause in damaged.items())
        raise UserError(
            f"no checkpoint in {self._folder} is whole ({listed}); bring one back from a copy, or "
            "start again in another --workdir"
        )

    def _attempt(
        self, like: State, sharding: jax.sharding.Sharding, step: int
    ) -> tuple[Newest | None, Damaged | None]:
        """Returns the checkpoint of a step, or what is wrong with it."""
        try:
            if misfit := self.misfit(like, step):
                return Newest(step, None, misfit, {}), None
            state = self.load(like, sharding, step)
            kept = self._orbax.metadata(step).custom_metadata
            return Newest(step, state, "", {}, integrity.pending(kept), kept=kept), None
        except Damaged as error:
            return None, error

    def set_aside(self, step: int) -> None:
        """Renames a checkpoint to STEP.damaged, which nothing reads.

        Raises:
          UserError: the folder cannot be written.
        """
        names = (f"{step}.damaged{suffix}" for suffix in ("", *(f".{i}" for i in range(2, 1000))))
        free = next(name for name in names if not (self._folder / name).exists())
        with files.writing(self._folder / free):
            (self._folder / str(step)).rename(self._folder / free)
        self._orbax.reload()

    def load(self, like: State, sharding: jax.sharding.Sharding, step: int | None = None) -> State:
        """Restores the checkpoint of a step among `steps()`, None for the newest.

        It has the shapes and types of `like` and is placed by `sharding`.

        Raises:
          Damaged: it is not as it was saved.
          UserError: its leaves are not those of `like`.
        """
        if misfit := self.misfit(like, step):
            raise UserError(
                f"the checkpoint of step {self._step(step)} in "
                f"{self._folder} does not fit the nets and optimizers of this config: {misfit}. "
                "Use the config and the code that it was trained with, or another --workdir"
            )
        read = mesh.own(sharding)
        with self._readable(step):
            state = self._orbax.load(
                step,
                jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=read), like),
            )
            kept = self._orbax.metadata(step).custom_metadata
            if damage := integrity.damage(kept, state, self._step(step)):
                raise ValueError(damage)
            if bad := integrity.not_finite(state):  # saved before states were checked
                raise ValueError(f"{bad} is not finite")
        return state if read is sharding else mesh.spread(state, sharding)

    def misfit(self, like: State, step: int | None = None) -> str:
        """Returns in which leaf a checkpoint first differs from `like`; '' where in none.

        Reads names, shapes and types, no values.

        Raises:
          Damaged: it is not as it was saved.
        """
        with self._readable(step):
            metadata = self._orbax.metadata(step)
            have = integrity.leaves(metadata.metadata)
            if not have:  # what orbax returns for a file that it cannot parse
                raise ValueError("no array can be found in it")
            if damage := integrity.listing_damage(metadata.custom_metadata, have):
                raise ValueError(damage)
        want = integrity.leaves(like)
        for name in (*want, *have):
            if have.get(name) != want.get(name):
                saved, now = (each.get(name, "absent") for each in (have, want))
                return f"{name} is {saved} in the checkpoint, {now} now"
        return ""

    def close(self) -> None:
        """Waits until everything is written.

        Raises:
          UserError: the disk is full, or the folder cannot be written.
        """
        with self._disk(self.latest()):
            try:
                self._finish()
            finally:
                self._orbax.close()

    def _finish(self) -> None:
        """Waits for the save in progress; its thread and handles end with its result only."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def _step(self, step: int | None) -> int:
        return self.steps()[-1] if step is None else step

    @contextlib.contextmanager
    def _readable(self, step: int | None) -> Iterator[None]:
        step = self._step(step)
        try:
            yield
        except Exception as error:  # orbax, tensorstore and the file system each have their own
            if isinstance(error, MemoryError | jax.errors.JaxRuntimeError):
                raise
            others = [each for each in self.steps() if each != step]
            remedy = (
                f"move {self._folder / str(step)} elsewhere to use step {others[-1]}"
                if others
                else "no other is kept; start again in another --workdir"
            )
            cause = _line(error)
            raise Damaged(
                f"the checkpoint of step {step} in {self._folder} is damaged ({cause}); {remedy}",
                step,
                cause,
            ) from error

    @contextlib.contextmanager
    def _disk(self, step: int | None) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_full(error) and not isinstance(error, OSError | ValueError):
                raise
            what = f"the checkpoint near step {step} in {self._folder} was not written"
            last = f"the last complete one is of step {self.latest()}"
            if is_full(error):
                raise UserError(
                    f"the disk is full: {what}; {last}. Free some space "
                    "and run the same command to resume from there"
                ) from error
            # Orbax has a ValueError for files that disappear while it writes.
            raise UserError(
                f"{what} ({_line(error)}); make the folder writable, leave it to the run, and run "
                f"the same command to resume; {last}"
            ) from error


@contextlib.contextmanager
def _alone() -> Iterator[ocp.Context | None]:
    """Gives Orbax's context, in which this process is the only one; None where it is."""
    if processes.count() == 1:
        yield None
        return
    context, own = ocp.Context(), processes.index()
    context.multiprocessing.primary_host = own
    context.multiprocessing.active_processes = {own}
    # By the older interface one could say that the folder is there; this one refuses some processes
    # since it always makes it, together with all.
    with mock.patch.object(checkpoint_manager, "_create_root_directory"):
        yield context


def _line(error: Exception) -> str:
    """Returns the first line of an error."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
