"""What is found of a run's checkpoints: the newest that is whole, or what is wrong with one."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxgan.core.game import State
from jaxgan.runtime.errors import UserError


class Damaged(UserError):
    """A checkpoint that cannot be read as it was saved."""

    def __init__(self, message: str, step: int, cause: str):
        """`message` is for a user; `cause` is the part of it that says what is wrong."""
        super().__init__(message)
        self.step, self.cause = step, cause


@dataclasses.dataclass
class Newest:
    """The newest checkpoint that is whole.

    state: None where `misfit` says in which leaf it differs from what was asked for.
    damaged: newer ones, which are not whole: step and cause. pending: what it was saved with.
    kept: what integrity.describe kept with it.
    since: the step after which rows and pictures are dropped: `step`, or the one before where its
    own are still to be written.
    """

    step: int
    state: State | None
    misfit: str
    damaged: dict[int, str]
    pending: Sequence[Any] = ()
    since: int = -1
    kept: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.since < 0:
            self.since = self.step

    def take(self) -> State | None:
        """Returns the state and forgets it, so that its memory is freed with the caller's."""
        state, self.state = self.state, None
        return state

    def lines(self, folder: Path) -> list[str]:
        """Returns a line for each newer checkpoint of `folder` that was passed over."""
        return [
            f"warning: the checkpoint of step {step} in {folder} is damaged ({cause}); step "
            f"{self.step} is used"
            for step, cause in self.damaged.items()
        ]


class Elsewhere:
    """The checkpoints of a run that another process writes."""

    def latest(self) -> int | None:
        """Returns None: it is not known here."""
        return None

    def save(self, state: State, step: int, pending: Sequence[Any] = ()) -> None:
        """Does nothing."""

    def wait(self) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Does nothing."""
