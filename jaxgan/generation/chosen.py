"""Restores a run as its samples are to be drawn: of which parameters, and from which latents."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.averages.moved import updates
from jaxgan.core.averages.power import MOST, Profile, combine, exponent, named, plain
from jaxgan.core.game import Game, State
from jaxgan.generation import sample
from jaxgan.generation.standing import standing
from jaxgan.generation.truncation import resampled
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies
from jaxgan.training import workdir
from jaxgan.training.workdir import Restored

FAR = 0.2  # of a profile's norm: a combination that misses more is not the average asked for


class Choice(NamedTuple):
    """What --generator, --ema and --truncation say.

    generator: 'averaged', 'last', or '' for the average where the run keeps one. ema: the relative
    width of a power-function average, in their place. truncation: beyond which numbers of latents
    are drawn again. None for neither.
    """

    generator: str = ""
    ema: float | None = None
    truncation: float | None = None

    def check(self) -> None:
        """Refuses what says two things.

        Raises:
          UserError: the reason, in one line.
        """
        if self.generator not in ("", "averaged", "last"):
            raise UserError(
                f"generator={self.generator!r}: 'averaged', 'last', or '' for what there is"
            )
        if self.ema is not None and self.generator:
            raise UserError(f"--ema={self.ema:g}: --generator={self.generator} says it; pass one")
        if self.ema is not None and not 0 < self.ema <= MOST:
            raise UserError(f"--ema={self.ema:g}: a relative width, above 0 and at most {MOST:g}")

    def fitting(self, game: Game) -> Game:
        """Returns the game that samples are drawn of, whatever its state.

        Raises:
          UserError: the game has no such average, or no such latents.
        """
        sample.check_average(game, self.generator)
        return resampled(game, self.truncation)

    def drawn_by(self, game: Game) -> str:
        """Returns which parameters it takes, for protocols: 'averaged', 'last' or 'ema 0.05'."""
        return f"ema {self.ema:g}" if self.ema else sample.named(game, self.generator)


OWN = Choice()  # what the game samples from


def restore(
    folder: Path, choice: Choice = OWN, replica: int = 0, step: int | None = None
) -> Restored:
    """Restores a run; its game and state are those that its samples are drawn with.

    Args:
      folder, replica, step: as of workdir.restore.
      choice: of what.

    Raises:
      UserError: no run, checkpoint, replica, average or latents there, in one line.
    """
    choice.check()
    found = workdir.restore(folder, replica, step)
    return found._replace(**taken(found, choice, folder, replica)._asdict())


def check_used(game: Game, choice: Choice, given: str) -> None:
    """Refuses a truncation that changes nothing: of latents that are given, without statistics.

    Raises:
      UserError: says so; `given` is by what.
    """
    if choice.truncation is not None and game.standing is None:
        raise UserError(f"--truncation={choice.truncation:g}: {given}; leave it out")


class Taken(NamedTuple):
    """A game and a state to draw from."""

    game: Game
    state: State


def taken(found: Restored, choice: Choice, folder: Path, replica: int = 0) -> Taken:
    """Returns what a choice takes of a restored run; see `restore`."""
    game = resampled(found.game, choice.truncation)
    if choice.ema:
        state = averaged(found, choice.ema, folder, replica)
    else:
        state = sample.choose(found.game, found.state, choice.generator)
    return Taken(game, standing(game, state))


def averaged(found: Restored, width: float, folder: Path, replica: int = 0) -> State:
    """Returns a state whose averages are those of a width: kept, or combined of checkpoints.

    Says on stderr what they were combined of, and how near that comes.

    Raises:
      UserError: the run keeps none, or checkpoints too few for that width.
    """
    widths = tuple(found.record.config.get("ema_widths", ())) if found.record else ()
    if not widths:
        raise UserError(
            f"--ema={width:g}: this run keeps no power-function averages; it needs "
            "config.ema_widths, as in --config.ema_widths=0.05,0.1, from its start"
        )
    state, nets = found.state, list(plain(found.game.ema))
    if width in widths:
        own = {net: state.ema[named(net, width)] for net in nets}
        return state.replace(ema={**state.ema, **own})
    steps = [step for step in copies.steps(folder) if step <= int(state.step)]
    moved = [net for net in nets if updates(found.game, net, int(state.step))]
    if not moved:
        raise UserError(f"--ema={width:g}: nothing was averaged by step {int(state.step)}")
    parts = {net: _coefficients(found.game, net, widths, width, steps) for net in moved}
    missed = max(left for _, left in parts.values())
    said = f"--ema={width:g}: {len(steps)} checkpoints with widths {', '.join(map(str, widths))}"
    if missed > FAR:
        raise UserError(
            f"{said} miss {missed:.0%} of its profile; keep more, by "
            "--config.checkpoint.keep_every, or ask for a width between those"
        )
    print(f"{said} miss {missed:.2%} of its profile", file=sys.stderr)
    sums: dict[str, Any] = {}
    for i, kept in enumerate(workdir.states(folder, found, steps, replica)):
        for net, (factors, _) in parts.items():
            for factor, each in zip(factors[i], widths, strict=True):
                term = jax.tree.map(partial(_times, factor), kept.ema[named(net, each)])
                sums[net] = jax.tree.map(np.add, sums[net], term) if net in sums else term
    combined = {
        net: jax.tree.map(lambda x, like: jnp.asarray(x, like.dtype), total, state.ema[net])
        for net, total in sums.items()
    }
    return state.replace(ema={**state.ema, **combined})


def _coefficients(
    game: Game, net: str, widths: Sequence[float], width: float, steps: Sequence[int]
) -> tuple[np.ndarray, float]:
    """Returns a factor for each step and width, (len(steps), len(widths)), and what they miss.

    0 where nothing was averaged before a step: such an average has no profile.
    """
    counts = [updates(game, net, step) for step in steps]
    given = [Profile(exponent(each), n) for n in counts if n for each in widths]
    found, missed = combine(given, Profile(exponent(width), counts[-1]))
    factors = np.zeros((len(steps), len(widths)))
    factors[np.array(counts) > 0] = found.reshape(-1, len(widths))
    return factors, missed


def _times(factor: float, x: jax.Array) -> np.ndarray:
    """Returns factor x in float64: factors of opposite signs nearly cancel."""
    return factor * np.asarray(x, np.float64)
