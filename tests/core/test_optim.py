"""Optimizer chains against updates by hand, and what config.optim refuses."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import optim
from jaxgan.runtime.errors import UserError


def walk(tx, grads, start=0.5):
    params, state = jnp.array(start), None
    state, path = tx.init(params), []
    for g in grads:
        updates, state = tx.update(jnp.array(g), state, params)
        params = optax.apply_updates(params, updates)
        path.append(float(params))
    return path


def test_adam_by_hand():
    lr, b1, b2, eps = 0.1, 0.5, 0.9, 1e-8
    tx = optim.adam(updates=9, lr=lr, b1=b1, b2=b2, eps=eps)
    m = v = 0.0
    x, expected = 0.5, []
    for t, g in enumerate([1.0, -2.0, 0.5], start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        x -= lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
        expected.append(x)
    np.testing.assert_allclose(walk(tx, [1.0, -2.0, 0.5]), expected, rtol=1e-6)


def test_linear_decay_ends_at_zero_and_counts_the_players_own_updates():
    made = optim.Optim({"g": {"name": "sgd", "lr": 1.0, "decay": "linear"}}, steps=20)
    path = walk(made("g", every=5), [1.0] * 5, start=0.0)  # 20 steps: 4 updates
    np.testing.assert_allclose(np.diff([0, *path]), [-1, -0.75, -0.5, -0.25, 0], atol=1e-6)


def test_decay_from_holds_the_rate_first():
    tx = optim.sgd(updates=4, lr=1.0, decay="linear", decay_from=0.5)
    np.testing.assert_allclose(np.diff([0, *walk(tx, [1.0] * 4, 0.0)]), [-1, -1, -1, -0.5])


def test_rmsprop_by_hand_and_clipping():
    tx = optim.rmsprop(updates=9, lr=0.1, rho=0.9, eps=1e-8)
    v = 0.1 * 4.0
    np.testing.assert_allclose(walk(tx, [2.0]), [0.5 - 0.1 * 2 / np.sqrt(v)], rtol=1e-5)
    clipped = optim.rmsprop(updates=9, lr=0.1, clip=0.01)
    assert all(abs(x) <= 0.01 + 1e-8 for x in walk(clipped, [1.0, -1.0, 3.0]))


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        ({"g": {"name": "adma", "lr": 1.0}}, "did you mean 'adam'"),
        ({"g": {"name": "adam", "lr": 1.0, "beta1": 0.5}}, "config.optim.g.beta1"),
        ({"g": {"name": "adam"}}, "needs 'lr'"),
        ({"d": "adam"}, "has no 'g'"),
        ({"g": {"name": "adam", "lr": 1.0, "decay": "cosine"}}, "known: 'constant', 'linear'"),
    ],
)
def test_bad_nodes_are_refused(nodes, text):
    with pytest.raises(UserError, match=text):
        optim.Optim(nodes, 10)("g")


def test_a_node_for_no_player_is_an_error():
    made = optim.Optim({"g": {"name": "sgd", "lr": 1.0}, "gg": "adam"}, 10)
    made("g")
    with pytest.raises(UserError, match="config.optim.gg: no such player; did you mean 'g'"):
        made.check_all_made()


def test_restarted_resets_the_optimizer_and_changes_its_rate():
    adam = optim.adam(updates=9, lr=0.1, b1=0.5, b2=0.9)
    grads = [1.0, -2.0, 0.5, 3.0]
    first, again = np.diff([0.5, *walk(adam, grads[:2])]), np.diff([0.5, *walk(adam, grads[2:])])
    found = np.diff([0.5, *walk(optim.restarted(adam, (0, 2), (1.0, 1.5)), grads)])
    np.testing.assert_allclose(found, [*first, *(1.5 * again)], rtol=1e-5)
