"""Truncates samples of style-based generators towards the mean w (Karras et al. 2019, app. B)."""

from collections.abc import Callable
from functools import partial

import jax

from jaxgan.core.game import Drawn, Game, State
from jaxgan.games.common import styles as styled
from jaxgan.runtime.errors import UserError


def truncated(game: Game, psi: float) -> Callable[[State, Drawn, jax.Array], jax.Array]:
    """Returns `game.sample` with w_avg + psi (w - w_avg) in place of the config's psi.

    Raises:
      UserError: the game has no w.
    """
    if game.styles is None:
        raise UserError(f"--psi={psi}: this run's game has no w to truncate; style games have")
    return partial(styled.sample, game.styles, psi)
