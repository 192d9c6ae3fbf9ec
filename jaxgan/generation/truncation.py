"""Truncates samples: towards the mean w (Karras et al. 2019, app. B), or by their latents z.

The latter draws those numbers of z again that lie beyond a threshold (Brock et al. 2019, 3.1).
"""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from jaxgan.core.game import Drawn, Game, State, Styles
from jaxgan.core.inputs import Noise
from jaxgan.games.common import styles as styled
from jaxgan.generation.lacks import LATENT, lacking
from jaxgan.nets.mapping import truncate
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


def by_psi(game: Game, psi: float | None) -> Game:
    """Returns a game whose samples are truncated by psi; with None, the game itself.

    Raises:
      UserError: the game has no w.
    """
    if psi is None:
        return game
    sample = truncated(game, psi)
    return game._replace(sample=sample, styles=game.styles._replace(psi=psi))


def resampled(game: Game, threshold: float | None) -> Game:
    """Returns a game whose latents have no number beyond `threshold`; with None, the game itself.

    Raises:
      UserError: the game has no latents, or w, which psi truncates.
    """
    if threshold is None:
        return game
    flag = f"--truncation={threshold:g}"
    if not isinstance(game.inputs.get(LATENT), Noise):
        raise UserError(f"{flag}: {lacking(game)['latents']}")
    if game.styles is not None:
        raise UserError(f"{flag}: this run's generator is style-based; --psi truncates its w")
    latent = dataclasses.replace(game.inputs[LATENT], truncation=threshold)
    return game._replace(inputs={**game.inputs, LATENT: latent})


def layered(styles: Styles, mean: np.ndarray, w: np.ndarray, psi: float) -> np.ndarray:
    """Returns truncated w for each layer, float32 (N, layers, w_dim), of w (N, w_dim) or of those.

    Raises:
      UserError: w of another shape.
    """
    w = np.asarray(w, np.float32)
    ws = np.repeat(w[:, None], styles.layers, axis=1) if w.ndim == 2 else w
    if ws.shape[1:] != (styles.layers, len(mean)) or not len(ws):
        want = f"(N, {len(mean)}) or (N, {styles.layers}, {len(mean)})"
        raise UserError(f"w of shape {w.shape}: this run takes {want}")
    return np.asarray(truncate(ws, mean, psi, styles.truncated))
