"""Truncates samples of style-based generators towards the mean w (Karras et al. 2019, app. B)."""

from collections.abc import Callable
from functools import partial

import jax

from jaxgan.core.game import Drawn, Game, State
from jaxgan.games.common import styles as styled
from jaxgan.runtime.errors import UserError


def truncated(game: Game, psi: float) -> Callable[[State, Drawn, jax.Array], jax.Array]:
    """Returns a `game.sample` that truncates by psi, w_avg + psi (w - w_avg), not by the config's.

    It computes in float32, also where the networks' own type is bfloat16.

    Raises:
      UserError: the game has no w.
    """
    if game.styles is None:
        raise UserError(f"--psi={psi}: this run's game has no w to truncate; style games have")
    return partial(styled.sample, game.styles, psi)
