"""Finds which turn made a run diverge, and keeps states that are not finite from being saved."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.core import game as core
from jaxgan.core.finite import bad_parts
from jaxgan.core.game import Game, State
from jaxgan.runtime.errors import UserError


class Diverged(UserError):
    """A loss, an update or a state is not finite; the message says at which step, in which turn."""


class Detector:
    """Finds the first turn that was not finite, and names the rates to lower."""

    def __init__(self, game: Game, rates: Mapping[str, float]):
        """Remembers who plays when; `rates` are the players' learning rates."""
        self._game, self._rates = game, rates
        self._players = {turn.label or turn.name: turn.player for turn in game.turns}

    def check(self, row: Mapping[str, Any], before: int, steps: int, saved: int | None) -> None:
        """Checks the mean metrics of `steps` steps.

        Args:
          row: metrics by 'turn/name': scalars, or one value per seed.
          before: steps taken before these.
          steps: how many these are.
          saved: step of the last checkpoint, for the message; None without one.

        Raises:
          Diverged: naming the turn whose update was the first that was not finite; or a metric
            that is not, of a turn whose update was.
        """
        values = {name: np.asarray(value) for name, value in row.items()}
        whole = {name: value for name, value in values.items() if name.endswith("/finite")}
        broken = [name for name, value in whole.items() if (value < 1).any()]
        if broken:
            plays = {t: _labels(self._game, t) for t in range(before, before + steps)}
            step, _, label, replica = min(_first(name, whole[name], plays) for name in broken)
            loss = values[f"{label}/loss"]
            # A loss that is not finite comes of what any player did before.
            cause = None if not np.isfinite(loss).all() else self._players[label]
            what = f"its loss is {loss.flat[replica]}" if steps == 1 and cause is None else ""
            which = f" of replica {replica}" if loss.ndim else ""
            raise Diverged(
                f"step {step}, turn {label!r}{which}: {what or 'its update is not finite'}; "
                f"stopped. {self._remedy(cause, saved)}"
            )
        for name, value in values.items():
            if not np.isfinite(value).all():
                label, _, metric = name.partition("/")
                when = f"step {before}" if steps == 1 else f"steps {before} to {before + steps - 1}"
                bad = int(np.argmin(np.isfinite(value)))
                which = f" of replica {bad}" if value.ndim else ""
                raise Diverged(
                    f"{when}, turn {label!r}: {metric}{which} is {value.flat[bad]}; stopped. "
                    f"{self._remedy(None, saved)}"
                )

    def check_state(self, state: State, step: int, saved: int | None) -> None:
        """Checks a state that is to be saved, on the device; one of several seeds is stacked.

        Raises:
          Diverged: naming what of it is not finite.
        """
        if bad := bad_parts(state):
            part, _, name = bad[0].partition(".")
            owners = [key for key, player in self._game.players.items() if name in player.nets]
            player = name if part == "opt" else next(iter(owners), None)
            raise Diverged(
                f"after step {step}: {', '.join(bad)} not finite, though every update was; not "
                f"saved. {self._remedy(player, saved)}"
            )

    def _remedy(self, player: str | None, saved: int | None) -> str:
        """Says what to do: whose rates to lower (None: any), and where to resume."""
        rates = {player: self._rates[player]} if player in self._rates else self._rates
        listed = " or ".join(f"config.optim.{each}.lr={rate:g}" for each, rate in rates.items())
        lower = f"lower {listed or 'a rate under config.optim'}"
        if saved is None:
            return f"No checkpoint yet; {lower}, or change the loss"
        return (
            f"Step {saved} is saved; {lower} and resume with --override=optim, or change the loss "
            "in another --workdir"
        )


def _labels(game: Game, t: int) -> list[str]:
    """Returns the labels of the turns that play at step t, in order."""
    names = core.due(game, t)
    return [turn.label or turn.name for turn in game.turns if turn.name in names]


def _first(
    name: str, value: np.ndarray, plays: Mapping[int, list[str]]
) -> tuple[int, int, str, int]:
    """Returns step, place in the step's order, label and replica of a turn's first bad update.

    `value` is the mean of the flag `finite` over the turn's plays: once an update is not finite
    none after it is, so the mean says how many were before.
    """
    label = name.partition("/")[0]
    replica = int(np.argmin(value))
    own = [t for t, labels in plays.items() if label in labels]
    step = own[round(float(value.flat[replica]) * len(own))]
    return step, plays[step].index(label), label, replica
