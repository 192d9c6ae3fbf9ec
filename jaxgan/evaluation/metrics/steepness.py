"""steepness of the critic, its largest slope between images and samples; level: sigmas

The largest |grad D(x)| at points between real items and samples, a uniformly drawn one for each of
n pairs: a lower bound on the critic's Lipschitz constant. `sigmas` is the product of its layers'
largest singular values, an upper bound for dense layers and slopes of at most 1 between them; of
convolutions they are those of the kernel as a matrix of C_out rows, which is what spectral
normalization divides by and not the operator's. A kernel that is normalized counts as it is used,
normalization layers do not count, and critics with equalized learning rates have no `sigmas`.
Neither has an interval or a floor: a critic is steeper where it was trained longer.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import Array

from jaxgan.core.game import Game, State
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.uncertainty import Estimate
from jaxgan.losses.regularizers import gradient_norms
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.step import to_float

BATCH = 100  # pairs whose slopes are computed at once
EQUALIZED = ("progan", "stylegan2")  # files of critics whose kernels are scaled at every use


def check(subject: Subject) -> None:
    """Refuses a run without a critic of its samples.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_run("steepness", "asks a run's critic")
    if subject.direction:
        raise UserError("--metrics=steepness: this run translates and has a critic a direction")
    if "d" in subject.record.missing:
        raise UserError(f"--metrics=steepness: {workdir.without('d')}")
    _ = subject.source


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures."""
    return ("sigmas",) if has_sigmas(subject.record.config) else ()


def has_sigmas(config: Mapping[str, Any]) -> bool:
    """Returns whether a critic's kernels are what its layers multiply by."""
    return _net(config).partition(".")[0] not in EQUALIZED


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the largest slope, and the product of singular values."""
    real, fake = subject.pair
    columns = {**subject.columns, "image": real}
    slopes = jax.jit(partial(_slopes, subject.game))
    keys = jax.random.split(jax.random.key(subject.seed), math.ceil(len(real) / BATCH))
    found = []
    for i, key in enumerate(keys):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        batch = {name: to_float(np.asarray(column[rows])) for name, column in columns.items()}
        found.append(slopes(subject.state, batch, to_float(fake[rows]), key).max())
    figures = {"slope": Estimate(float(max(found)))}
    if has_sigmas(subject.record.config):
        params, stats = subject.state.params["d"], subject.state.stats["d"]
        figures["sigmas"] = Estimate(sigmas(params, stats.get("spectral", {})))
    protocol = {"n": len(real), "split": subject.split}
    return {**uncertainty.rows(figures, {}, "slope"), "protocol": protocol}


def _slopes(game: Game, state: State, batch: dict[str, Array], fake: Array, key: Array) -> Array:
    """Returns |grad D| (N,) at points between a batch's images and samples (N, ...)."""
    real = batch["image"]
    alpha = jax.random.uniform(key, (len(real), *[1] * (real.ndim - 1)))
    critic = lambda x: game.critic(state, {**batch, "image": x})  # noqa: E731
    return gradient_norms(critic, real + alpha * (fake - real))


def sigmas(params: Any, spectral: Any) -> float:
    """Multiplies the largest singular values of all kernels, as (-1, C_out).

    Args:
      params: of a critic. spectral: its statistics of that name, by layer, see layers.spectral; a
        kernel that has them is divided by their estimate of its own first.
    """
    kept = {jax.tree_util.keystr(at[:-1]): u for at, u in jax.tree.leaves_with_path(spectral)}
    product = 1.0
    for at, kernel in jax.tree.leaves_with_path(params):
        if kernel.ndim < 2:
            continue
        w = np.asarray(kernel, np.float64).reshape(-1, kernel.shape[-1])
        sigma = float(np.linalg.norm(w, 2))
        if (u := kept.get(jax.tree_util.keystr(at[:-1]))) is not None:
            used = np.asarray(u, np.float64)[0]
            v = w @ used
            sigma /= float(used @ w.T @ v / np.linalg.norm(used) / np.linalg.norm(v))
        product *= sigma
    return product


def _net(config: dict[str, Any]) -> str:
    """Returns the name of a run's critic, as in 'dcgan.Discriminator'."""
    node = config["game"]["d"]
    name: str = node if isinstance(node, str) else node["name"]
    return name
