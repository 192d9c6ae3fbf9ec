"""Perceptual path length (Karras et al. 2019, section 4.1): how smoothly images follow w.

Small steps of eps = 1e-4 along straight lines between two w, at their start ('end') or at
uniformly drawn points of them ('full'); the distance of a step's two images over eps^2; the mean
of those between the 1st and 99th percentile, as the authors' code drops outliers. No truncation;
both images have the same noise. The distance is the caller's: the published figures are LPIPS'.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from jaxgan.core.game import Game, Spec, State
from jaxgan.core.growth import Growth
from jaxgan.core.network import pure
from jaxgan.games.common import build as parts
from jaxgan.nets import growing, stylegan, stylegan2
from jaxgan.nets import mapping as latents

Array = jax.Array
PyTree = Any
Ends = Callable[[PyTree, Array], tuple[Array, Array]]
Draw = Callable[[PyTree, Array], Array]
Distance = Callable[[PyTree, Array, Array], Array]

EPSILON = 1e-4
BATCH = 8  # paths measured at once
PATHS = ("end", "full")
# Games with a w: how their generator is split, and what makes it compute in float32.
GAMES = {
    "stylegan": (stylegan.split, {"dtype": "float32"}),
    "stylegan2": (stylegan2.split, {"bfloat16": 0}),
}


def lengths(
    ends: Ends,
    draw: Draw,
    distance: Distance,
    context: tuple[PyTree, PyTree],
    *,
    n: int,
    seed: int,
    path: str = "end",
    batch: int = BATCH,
) -> np.ndarray:
    """Squared speeds (n,) of n paths, in units of the distance.

    Args:
      ends: (generator, key) -> the two ends of `batch` paths, w (batch, D) each.
      draw: (generator, w) -> images (M, H, W, C).
      distance: (judge, images, images) -> (M,), quadratic in small changes.
      context: `generator` and `judge`: arrays, kept out of the compiled program.
      n: how many. seed: of the paths. path: 'end' or 'full'. batch: paths at once.
    """

    @jax.jit
    def measure(generator: PyTree, judge: PyTree, key: Array) -> Array:
        k_ends, k_t = jax.random.split(key)
        start, stop = ends(generator, k_ends)
        t = jax.random.uniform(k_t, (batch, 1)) if path == "full" else 0.0
        here = start + t * (stop - start)
        # Added to `here` as it was rounded: t + eps would cost eps its last digits.
        there = here + EPSILON * (stop - start)
        images = draw(generator, jnp.concatenate([here, there]))
        return distance(judge, images[:batch], images[batch:]) / EPSILON**2

    keys = jax.random.split(jax.random.key(seed), -(-n // batch))
    # A tenth of a thousandth apart, images differ in digits that TF32 and bfloat16 do not have.
    with jax.default_matmul_precision("highest"):
        found = [
            np.asarray(measure(*context, key))
            for key in tqdm(keys, "ppl", leave=False, disable=None)
        ]
    return np.concatenate(found)[:n]


def trimmed_mean(values: np.ndarray) -> float:
    """The mean of those from the 1st to the 99th percentile, both rounded outwards."""
    low = np.percentile(values, 1, method="lower")
    high = np.percentile(values, 99, method="higher")
    kept = values[(low <= values) & (values <= high)]
    return float(kept.mean(dtype=np.float64))


def of_styles(
    config: Mapping[str, Any],
    spec: Spec,
    game: Game,
    growth: Growth | None = None,
    batch: int = BATCH,
) -> tuple[Ends, Draw]:
    """`ends` and `draw` of a run of one of GAMES, whose State is the generator.

    The averaged nets with constant noise and in float32 throughout; of a generator that grows, the
    images that it samples: of the last resolution, as far as it has grown. Where the game is
    conditional both ends have one label, drawn uniformly.

    Args:
      config: the run's, under `game`.
      spec: what its data look like. game: made of both.
      growth: the run's stages; None where it does not grow.
      batch: paths at once.
    """
    needed = {"classes": spec.classes} if config.get("condition") else {}
    split, float32 = GAMES[config["name"]]
    made = parts.module(config["g"], spec, "g", needed).clone(**float32)
    mapping, synthesis = (pure(net.clone(name=None)) for net in split(made))
    grows = growth is not None and len(growth.stages) > 1

    def ends(state: State, key: Array) -> tuple[Array, Array]:
        k_label, k_start, k_stop = jax.random.split(key, 3)
        label = jax.random.randint(k_label, (batch,), 0, max(1, spec.classes))
        y = label if needed else None
        apply = partial(mapping.apply, state.ema["mapping"], state.stats["mapping"], train=False)
        start, stop = (game.inputs(k, batch)["z"] for k in (k_start, k_stop))
        return apply(start, y)[0], apply(stop, y)[0]

    def draw(state: State, w: Array) -> Array:
        stats, ws = state.stats["synthesis"], latents.spread(w, spec.shape)
        at = growing.whole(growth, state.step) if grows else ()
        return synthesis.apply(state.ema["synthesis"], stats, ws, *at, train=False)[0]

    return ends, draw
