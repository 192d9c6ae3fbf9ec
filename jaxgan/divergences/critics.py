"""Trains small critics on samples of two known distributions, with the project's own losses."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from jaxgan.core import optim
from jaxgan.core.network import pure
from jaxgan.losses.adversarial import Loss
from jaxgan.losses.regularizers import Regularizer
from jaxgan.nets.mlp import Discriminator

Draw = Callable[[Array], tuple[Array, Array]]  # key -> real and fake samples, (N, D) each
PyTree = Any


class Setting(NamedTuple):
    """How a critic is trained: by Adam, whose rate falls linearly to 0 at the last step.

    dims: of a sample. steps: updates. marks: after how many equal parts of them the parameters are
    returned; it divides steps. widths: of the hidden layers.
    """

    loss: Loss
    regularizer: Regularizer | None = None
    dims: int = 1
    steps: int = 2000
    marks: int = 1
    lr: float = 3e-3
    widths: tuple[int, ...] = (32, 32)
    activation: str = "tanh"


def train(setting: Setting, draw: Draw, key: Array) -> PyTree:
    """Trains a critic on fresh samples at every step; pure, so that it can be vmapped.

    Returns:
      Its parameters after each part of the training, stacked: leaves (marks, ...).
    """
    net = _net(setting)
    k_init, k_train = jax.random.split(key)
    params, _ = net.init(k_init, draw(k_init)[0], None)
    tx = optim.adam(updates=setting.steps, lr=setting.lr, b1=0.5, b2=0.99, decay="linear")

    def price(params: PyTree, real: Array, fake: Array, key: Array) -> Array:
        critic = partial(logits, setting, params)
        k_loss, k_term = jax.random.split(key)
        paid = sum(term.mean() for term in setting.loss.d(critic(real), critic(fake), k_loss))
        if setting.regularizer:
            paid += setting.regularizer.term(critic, params, real, fake, k_term)
        return jnp.asarray(paid)

    def step(state: tuple[PyTree, Any], key: Array) -> tuple[tuple[PyTree, Any], None]:
        params, moments = state
        k_draw, k_price = jax.random.split(key)
        grads = jax.grad(price)(params, *draw(k_draw), k_price)
        updates, moments = tx.update(grads, moments, params)
        return (optax.apply_updates(params, updates), moments), None

    def part(state: tuple[PyTree, Any], keys: Array) -> tuple[tuple[PyTree, Any], PyTree]:
        state, _ = jax.lax.scan(step, state, keys)
        return state, state[0]

    keys = jax.random.split(k_train, (setting.marks, setting.steps // setting.marks))
    _, kept = jax.lax.scan(part, (params, tx.init(params)), keys)
    return kept


def logits(setting: Setting, params: PyTree, x: Array) -> Array:
    """Returns a critic's outputs (N,) at x (N, dims)."""
    return _net(setting)(params, {}, x, None, train=False)


def last(params: PyTree) -> PyTree:
    """Returns the parameters at the end of training."""
    return jax.tree.map(lambda leaf: leaf[-1], params)


def _net(setting: Setting) -> Any:
    shape = (setting.dims,)
    return pure(Discriminator(shape, setting.widths, setting.activation, gain=1.0))
