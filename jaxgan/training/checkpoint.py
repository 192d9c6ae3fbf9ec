"""Checkpoints of the whole `State` by orbax: asynchronous and atomic; keeps the last few."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import jax
from orbax.checkpoint import v1 as ocp

from jaxgan.core.game import State
from jaxgan.runtime.errors import UserError, is_full


class Checkpoints:
    """The checkpoints in a folder, each named by its step."""

    def __init__(
        self, folder: Path, *, keep: int | None = None, every: int = 0, write: bool = True
    ):
        """Opens the folder; to write, creates it and removes the remains of an interrupted save.

        Args:
          folder: of the checkpoints.
          keep: how many of the latest are kept; None for all.
          every: those of every `every`-th step are kept permanently; 0 for none.
          write: False to read only, beside a run that may be saving.
        """
        policies = ocp.training.preservation_policies
        policy = policies.LatestN(keep)
        if every:
            policy = policies.AnyPreservationPolicy([policy, policies.EveryNSteps(every)])
        self._folder = folder
        # Orbax's threads log the traceback of errors that are raised here as well: once is enough.
        logging.getLogger("absl").setLevel(logging.CRITICAL)
        self._orbax = ocp.training.Checkpointer(
            folder.absolute(), preservation_policy=policy, cleanup_tmp_directories=write
        )

    def latest(self) -> int | None:
        """Returns the step of the newest complete checkpoint, None when there is none."""
        newest = self._orbax.latest
        return None if newest is None else newest.step

    def steps(self) -> list[int]:
        """Returns the steps of all complete checkpoints, in order."""
        return sorted(each.step for each in self._orbax.checkpoints)

    def save(self, state: State, step: int) -> None:
        """Starts to write `state`; waits only for a save in progress, and raises its errors.

        Raises:
          UserError: the disk is full.
        """
        with self._disk(step):
            self._orbax.wait()
            self._orbax.save_async(step, state, force=True, overwrite=True)

    def load(self, like: State, sharding: jax.sharding.Sharding, step: int | None = None) -> State:
        """Restores the checkpoint of a step among `steps()`, None for the newest.

        It has the shapes and types of `like` and is placed by `sharding`.
        """
        return self._orbax.load(
            step,
            jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), like),
        )

    def close(self) -> None:
        """Waits until everything is written.

        Raises:
          UserError: the disk is full.
        """
        with self._disk(self.latest()):
            self._orbax.close()

    @contextlib.contextmanager
    def _disk(self, step: int | None) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not is_full(error):
                raise
            raise UserError(
                f"the disk is full: the checkpoint near step {step} in {self._folder} was not "
                f"written; the last complete one is of step {self.latest()}. Free some space "
                "and run the same command to resume from there"
            ) from error
