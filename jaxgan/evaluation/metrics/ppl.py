"""perceptual path length in w (Karras et al. 2019) of style games; less is better

Small steps of eps = 1e-4 along straight lines between two w, at their start ('end') or at
uniformly drawn points of them ('full'); the distance of a step's two images over eps^2; the mean
of those between the 1st and 99th percentile, as the authors' code drops outliers (section 4.1). No
truncation; both images have the same noise. The published figures are by LPIPS: not this scale.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from jaxgan.core import inputs
from jaxgan.core.game import Game, State
from jaxgan.core.inputs import Label
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.compared import N
from jaxgan.evaluation.features import distance, extract
from jaxgan.evaluation.subject import Subject
from jaxgan.nets.mapping import spread
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir

PyTree = Any
Ends = Callable[[PyTree, Array], tuple[Array, Array]]
Draw = Callable[[PyTree, Array], Array]
Distance = Callable[[PyTree, Array, Array], Array]

EPSILON = 1e-4
BATCH = 8  # paths measured at once
PATHS = ("end", "full")


def check(subject: Subject) -> None:
    """Refuses a run that has no w, or no weights to measure distances with.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_run("ppl", "walks in w")
    if workdir.rebuild(subject.workdir, subject.record).styles is None:
        raise UserError("--metrics: ppl walks in w; this run's game has none, stylegan2 has")
    if subject.path not in PATHS:
        raise UserError(f"--path={subject.path}: {' or '.join(PATHS)}")
    extract.load()


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the trimmed mean of squared speeds along paths in w, and its interval.

    Real images have no w, so there is no floor.
    """
    state, n = subject.state, subject.n or N
    subject.say(f"ppl: {n} paths of step {int(state.step)}")
    ends, draw = partial(ends_in_w, subject.game), partial(images_of_w, subject.game)
    net = extract.load()  # the one whose maps `perceptual` compares, whatever --features says
    context = state, net.params
    given = {"n": n, "seed": subject.seed, "path": subject.path}
    found = lengths(ends, draw, distance.perceptual, context, **given)
    if not np.isfinite(found).all():
        raise UserError(
            f"ppl: lengths of step {int(state.step)} are not finite; try another --step"
        )
    protocol = {
        "n": n,
        "path": f"{subject.path} in w",
        "epsilon": EPSILON,
        "truncation": "none",  # whatever samples have
        "distance": f"{net.protocol['features']} (not LPIPS)",
        "resize": net.resize,
    }
    estimate = uncertainty.of_items(found, trimmed_mean, subject.seed)
    return {**estimate._asdict(), "floor": None, "protocol": protocol}


def ends_in_w(game: Game, state: State, key: Array, batch: int = BATCH) -> tuple[Array, Array]:
    """The two ends of paths, w (batch, D) each, of one random label where there are labels."""
    k_label, *k_ends = jax.random.split(key, 3)
    labels = {
        name: jax.random.randint(k_label, (batch,), 0, field.classes)
        for name, field in game.inputs.items()
        if isinstance(field, Label)
    }
    start, stop = (
        game.styles.map(state, inputs.draw(game.inputs, k, batch) | labels) for k in k_ends
    )
    return start, stop


def images_of_w(game: Game, state: State, w: Array) -> Array:
    """Images (N, H, W, C) of w (N, D), the same in every layer."""
    return game.styles.synthesize(state, spread(w, game.styles.layers))


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
    """Computes the squared speeds (n,) of n paths, in units of the distance.

    Args:
      ends: (generator, key) -> the two ends of `batch` paths, w (batch, D) each.
      draw: (generator, w) -> images (M, H, W, C).
      distance: (features, images, images) -> (M,), quadratic in small changes.
      context: `generator` and `features`: arrays, kept out of the compiled program.
      n: how many. seed: of the paths. path: 'end' or 'full'. batch: paths at once.
    """

    @jax.jit
    def measure(generator: PyTree, features: PyTree, key: Array) -> Array:
        k_ends, k_t = jax.random.split(key)
        start, stop = ends(generator, k_ends)
        t = jax.random.uniform(k_t, (batch, 1)) if path == "full" else 0.0
        here = start + t * (stop - start)
        # Added to `here` as it was rounded: t + eps would cost eps its last digits.
        there = here + EPSILON * (stop - start)
        images = draw(generator, jnp.concatenate([here, there]))
        return distance(features, images[:batch], images[batch:]) / EPSILON**2

    keys = jax.random.split(jax.random.key(seed), -(-n // batch))
    # A tenth of a thousandth apart, images differ in digits that TF32 and bfloat16 do not have.
    with jax.default_matmul_precision("highest"):
        found = [
            np.asarray(measure(*context, key))
            for key in tqdm(keys, "ppl", leave=False, disable=None)
        ]
    return np.concatenate(found)[:n]


def trimmed_mean(values: np.ndarray) -> float:
    """Computes the mean of those from the 1st to the 99th percentile, both rounded outwards."""
    low = np.percentile(values, 1, method="lower")
    high = np.percentile(values, 99, method="higher")
    kept = values[(low <= values) & (values <= high)]
    return float(kept.mean(dtype=np.float64))
