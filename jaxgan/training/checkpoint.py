"""Checkpoints of the whole `State` by orbax: asynchronous and atomic; keeps the last few."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
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
        for name in ("absl", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
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

    def pending(self) -> list[Any]:
        """Returns what the newest checkpoint was saved with as `pending`; [] without one."""
        if self.latest() is None:
            return []
        with self._readable(None):
            saved = self._orbax.metadata(None).custom_metadata
        return saved.get("pending", []) if saved else []

    def save(self, state: State, step: int, pending: Sequence[Any] = ()) -> None:
        """Starts to write `state`; waits only for a save in progress, and raises its errors.

        `pending` is JSON that is kept with it: metrics of no row yet.

        Raises:
          UserError: the disk is full.
        """
        with self._disk(step):
            self._orbax.wait()
            self._orbax.save_async(
                step,
                state,
                force=True,
                overwrite=True,
                custom_metadata={"pending": list(pending)},
            )

    def load(self, like: State, sharding: jax.sharding.Sharding, step: int | None = None) -> State:
        """Restores the checkpoint of a step among `steps()`, None for the newest.

        It has the shapes and types of `like` and is placed by `sharding`.

        Raises:
          UserError: a checkpoint that is damaged, or whose leaves are not those of `like`.
        """
        if misfit := self.misfit(like, step):
            raise UserError(
                f"the checkpoint of step {self.latest() if step is None else step} in "
                f"{self._folder} does not fit the nets and optimizers of this config: {misfit}. "
                "Use the config and the code that it was trained with, or another --workdir"
            )
        with self._readable(step):
            return self._orbax.load(
                step,
                jax.tree.map(
                    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), like
                ),
            )

    def misfit(self, like: State, step: int | None = None) -> str:
        """Returns in which leaf a checkpoint first differs from `like`; '' where in none.

        Reads names, shapes and types, no values.

        Raises:
          UserError: a checkpoint that is damaged.
        """
        with self._readable(step):
            have = _leaves(self._orbax.metadata(step).metadata)
            if not have:  # what orbax returns for a file that it cannot parse
                raise ValueError("no array can be found in it")
        want = _leaves(like)
        for name in (*want, *have):
            if have.get(name) != want.get(name):
                saved, now = (each.get(name, "absent") for each in (have, want))
                return f"{name} is {saved} in the checkpoint, {now} now"
        return ""

    def close(self) -> None:
        """Waits until everything is written.

        Raises:
          UserError: the disk is full.
        """
        with self._disk(self.latest()):
            self._orbax.close()

    @contextlib.contextmanager
    def _readable(self, step: int | None) -> Iterator[None]:
        step = self.latest() if step is None else step
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
            cause = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise UserError(
                f"the checkpoint of step {step} in {self._folder} is damaged ({cause}); {remedy}"
            ) from error

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


def _leaves(tree: Any) -> dict[str, str]:
    """Returns each leaf's shape and type by its dotted name, as 'params.g.b': '(3,) float32'.

    Random keys are left out: they are stored as plain integers.
    """
    found = {}
    for path, leaf in jax.tree.leaves_with_path(tree):
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            name = ".".join(
                str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path
            )
            found[name] = f"{tuple(leaf.shape)} {jnp.dtype(leaf.dtype).name}"
    return found
