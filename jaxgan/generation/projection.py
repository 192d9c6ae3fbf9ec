"""Projection: the latents whose samples are nearest to given images, by gradient descent.

After StyleGAN2's projector (Karras et al. 2020, appendix D): Adam from the mean latent, under a
rate that rises and falls. Its noise maps are left as they are.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from jaxgan.generation.run import Run
from jaxgan.nets.mapping import spread
from jaxgan.runtime.errors import UserError
from jaxgan.visual.grid import to_floats

Distance = Callable[[Array, Array], Array]  # of images (N, ...) and (N, ...): (N,)


class Projected(NamedTuple):
    """What `project` found for N targets.

    points: w (N, w_dim), or z (N, D). images: their samples. start: the mean latent's (N, ...).
    distances, before: mean squared difference of pixels in [-1, 1] to `images` and to `start`.
    """

    points: np.ndarray
    images: np.ndarray
    start: np.ndarray
    distances: np.ndarray
    before: np.ndarray


def project(
    run: Run,
    targets: np.ndarray,
    rows: Mapping[str, np.ndarray],
    space: str = "w",
    *,
    steps: int = 500,
    rate: float = 0.1,
    extra: Distance | None = None,
) -> Projected:
    """Finds latents whose samples resemble `targets`.

    Args:
      run: whose generator.
      targets: images as `Run.sample` returns them, or points, (N, ...).
      rows: of z, the other inputs of the samples, N rows each; z itself is not read.
      space: 'w' or 'z'. steps: of Adam, the best of which is kept.
      rate: its largest, in standard deviations of the latents.
      extra: a distance that is minimized too, beside that of pixels.

    Raises:
      UserError: targets of another shape, or a run without such latents.
    """
    run.need("latents", *["styles"] * (space == "w"))
    target = to_floats(targets)
    if target.shape[1:] != tuple(run.spec.shape):
        raise UserError(f"images of {target.shape[1:]}: this run's are {tuple(run.spec.shape)}")
    center, scale, make = _latents(run, rows, space)

    def loss(moved: Array) -> tuple[Array, Array]:
        made = make(center + scale * moved)
        each = _pixels(made, target)
        total = each if extra is None else each + extra(made, target)
        return total.sum(), total  # of each its own: no target moves another's latent

    @jax.jit
    def descend(moved: Array) -> Array:
        schedule = optax.warmup_cosine_decay_schedule(0.0, rate, max(1, steps // 20), steps)
        tx = optax.adam(schedule)

        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            moved, opt, best, least = carry
            (_, each), grads = jax.value_and_grad(loss, has_aux=True)(moved)
            better = each < least
            best = jnp.where(better[:, None], moved, best)
            updates, opt = tx.update(grads, opt)
            return (moved + updates, opt, best, jnp.minimum(each, least)), None

        carry = (moved, tx.init(moved), moved, jnp.full(len(moved), jnp.inf))
        (moved, _, best, least), _ = jax.lax.scan(step, carry, None, length=steps)
        return jnp.where((loss(moved)[1] < least)[:, None], moved, best)

    first = jnp.zeros((len(target), len(center)))
    best = descend(first)
    start, images = (np.asarray(jax.jit(make)(center + scale * each)) for each in (first, best))
    distances = [np.asarray(_pixels(each, target)) for each in (images, start)]
    return Projected(np.asarray(center + scale * best), images, start, *distances)


def _latents(
    run: Run, rows: Mapping[str, np.ndarray], space: str
) -> tuple[Array, Array, Callable[[Array], Array]]:
    """Returns the mean latent (D,), the deviation of latents, and what makes samples of them."""
    state, game = run.state, run.game
    if space == "w":
        w = run.styles(run.inputs(500))
        layers = game.styles.layers

        def synthesize(points: Array) -> Array:
            return jnp.clip(game.styles.synthesize(state, spread(points, layers)), -1, 1)

        return jnp.asarray(run.mean_style), jnp.asarray(w.std()), synthesize

    def sample(points: Array) -> Array:
        return game.sample(state, {**rows, "z": points}, jax.random.key(0))

    return jnp.zeros(game.inputs["z"].dim), jnp.ones(()), sample


def _pixels(a: Array, b: Array) -> Array:
    return jnp.mean((a - b) ** 2, axis=tuple(range(1, a.ndim)))
