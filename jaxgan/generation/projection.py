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
from jaxgan.visual.raster import to_floats

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
    steps: int = 1000,
    starts: int = 4,
    rate: float = 0.1,
    extra: Distance | None = None,
) -> Projected:
    """Finds latents whose samples resemble `targets`.

    Args:
      run: whose generator.
      targets: images as `Run.sample` returns them, or points, (N, ...).
      rows: of z, the other inputs of the samples, N rows each; z itself is not read.
      space: 'w' or 'z'. steps: of Adam.
      starts: the mean latent, and latents drawn; the best of all steps of all is kept.
      rate: its largest, in standard deviations of the latents.
      extra: a distance that is minimized too, beside that of pixels.

    Raises:
      UserError: targets of another shape, or a run without such latents.
    """
    run.need("latents", *["styles"] * (space == "w"))
    target = to_floats(targets)
    if target.shape[1:] != tuple(run.spec.shape):
        raise UserError(f"images of {target.shape[1:]}: this run's are {tuple(run.spec.shape)}")
    latents = _latents(run, space, starts)
    make = _sampler(run, rows, space)

    def loss(points: Array) -> tuple[Array, Array]:
        made = make(points)
        each = _pixels(made, target)
        each = each if extra is None else each + extra(made, target)
        return each.sum(), each  # of each its own: no target moves another's latent

    descend = jax.jit(_descent(loss, len(target), steps, rate))
    found = [descend(start, latents.scale) for start in latents.starts]
    points, least = (np.stack(each) for each in zip(*found, strict=True))
    best = points[least.argmin(axis=0), np.arange(len(target))]
    mean = np.broadcast_to(latents.starts[0], best.shape)
    start, images = (np.asarray(jax.jit(make)(each)) for each in (mean, best))
    distances = [np.asarray(_pixels(each, target)) for each in (images, start)]
    return Projected(best, images, start, *distances)


def _descent(
    loss: Callable[[Array], tuple[Array, Array]], n: int, steps: int, rate: float
) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Returns (start (D,), scale) -> the best points (n, D) on the way down, and their losses."""
    tx = optax.adam(optax.warmup_cosine_decay_schedule(0.0, rate, max(1, steps // 20), steps))

    def descend(start: Array, scale: Array) -> tuple[Array, Array]:
        def at(moved: Array) -> tuple[Array, Array]:
            return loss(start + scale * moved)

        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            moved, opt, best, least = carry
            (_, each), grads = jax.value_and_grad(at, has_aux=True)(moved)
            best = jnp.where((each < least)[:, None], moved, best)
            updates, opt = tx.update(grads, opt)
            return (moved + updates, opt, best, jnp.minimum(each, least)), None

        zero = jnp.zeros((n, len(start)))
        carry = (zero, tx.init(zero), zero, jnp.full(n, jnp.inf))
        (_, _, best, least), _ = jax.lax.scan(step, carry, None, length=steps + 1)
        return start + scale * best, least

    return descend


class _Latents(NamedTuple):
    """Where descents start, (n, D), the mean first, and the deviation of the latents."""

    starts: np.ndarray
    scale: np.ndarray


def _latents(run: Run, space: str, n: int) -> _Latents:
    drawn = run.inputs(500, seed=1)
    if space == "w":
        w = run.styles(drawn)
        return _Latents(np.concatenate([run.mean_style[None], w[: n - 1]]), w.std())
    z = drawn["z"]
    return _Latents(np.concatenate([0 * z[:1], z[: n - 1]]), np.float32(1))


def _sampler(run: Run, rows: Mapping[str, np.ndarray], space: str) -> Callable[[Array], Array]:
    """Returns what makes samples of latents (N, D), with the other inputs of `rows`."""
    state, game = run.state, run.game
    if space == "w":
        layers = game.styles.layers
        return lambda w: jnp.clip(game.styles.synthesize(state, spread(w, layers)), -1, 1)
    return lambda z: game.sample(state, {**rows, "z": z}, jax.random.key(0))


def _pixels(a: Array, b: Array) -> Array:
    return jnp.mean((a - b) ** 2, axis=tuple(range(1, a.ndim)))
