"""Replicas of a run: their keys, and the interval of a figure over seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.game import Aux, Game, Turn
from jaxgan.training import replicas


def test_the_first_state_shares_its_key_with_no_step():
    used = []

    def init(key):
        used.append(key)
        return {}, {}, {}

    def loss(params, state, batch, key):
        used.append(key)
        return jnp.zeros(()), Aux()

    turns = tuple(Turn(name, None, loss) for name in ("init", "d"))
    game = Game(init, {}, turns, {}, None, None, {})
    key = jax.random.key(3)
    state = replicas.first(game, key)
    for t in range(5):
        state, _ = core.step(game, state, {}, key, turns=core.due(game, t))
    streams = {np.asarray(jax.random.key_data(key)).tobytes() for key in used}
    assert len(used) == len(streams) == 11


def test_keys_are_those_of_the_runs_alone():
    keys = replicas.keys(7, 3)
    for i in range(3):
        alone = jax.random.key_data(jax.random.key(7 + i))
        np.testing.assert_array_equal(jax.random.key_data(keys[i]), alone)


def test_interval_is_students_at_95_percent():
    mean, half = replicas.interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert half == pytest.approx(3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-5)
    assert replicas.interval([3.0]) == (3.0, 0.0)
