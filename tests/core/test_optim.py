"""Optimizer chains against updates by hand, and what config.optim refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import optim
from jaxgan.core.growth import plan
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


@pytest.mark.parametrize("build", [optim.adam, optim.rmsprop])
def test_gradients_are_clipped_element_by_element(build):
    grads, within = [4.0, -0.5, -9.0], [1.0, -0.5, -1.0]
    clipped = walk(build(updates=9, lr=0.1, clip_value=1.0), grads)
    assert (
        clipped == walk(build(updates=9, lr=0.1), within) != walk(build(updates=9, lr=0.1), grads)
    )


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


def corrected(c):
    """Rate and betas of ADAM for all moves of a player, of which lazy ones are 1 - c."""
    return {"lr": 0.1 * c, "b1": 0.5**c, "b2": 0.9**c}


ADAM = {"name": "adam", "lr": 0.1, "b1": 0.5, "b2": 0.9}
GRADS = [1.0, -2.0, 0.5, 3.0]


@pytest.mark.parametrize(
    ("every", "lazy", "idle", "c"),
    [
        (1, [4], [], 4 / 5),  # stylegan2-ada-pytorch, training_loop.py: mb_ratio
        (1, [], [4], 4 / 5),
        (1, [16], [], 16 / 17),
        (1, [4, 16], [], 1 / (1 + 1 / 4 + 1 / 16)),
        (1, [4], [16], 1 / (1 + 1 / 4 + 1 / 16)),
        (2, [4], [], 2 / 3),  # two moves of its own in four steps, and one more
    ],
)
def test_adam_is_corrected_for_all_lazy_moves(every, lazy, idle, c):
    """So that the moves of a stretch of steps go as far as its own alone did."""
    made = optim.Optim({"g": ADAM}, steps=32)("g", every=every, lazy=lazy, idle=idle)
    want = optim.adam(updates=9, **corrected(c))
    np.testing.assert_allclose(walk(made, GRADS), walk(want, GRADS), rtol=1e-6)


@pytest.mark.parametrize(
    ("lazy", "idle", "moves"), [([16], [], 170), ([16, 5], [], 202), ([], [16], 160)]
)
def test_a_decay_reaches_zero_with_the_last_move_of_all(lazy, idle, moves):
    """160 steps; sgd's schedule inside Adam: with equal gradients each move is its rate."""
    node = {**ADAM, "b1": 0.0, "decay": "linear"}
    tx = optim.Optim({"d": node}, steps=160)("d", lazy=lazy, idle=idle)
    update = jax.jit(tx.update)
    state, rates = tx.init(jnp.zeros(())), []
    for _ in range(moves + 1):
        step, state = update(jnp.ones(()), state)
        rates.append(-float(step))
    c = 1 / (1 + sum(1 / k for k in (*lazy, *idle)))
    want = 0.1 * c * (1 - np.arange(moves + 1) / moves)
    np.testing.assert_allclose(rates, want, rtol=1e-4, atol=1e-8)
    assert min(rates[:-1]) > 0


def test_lazy_moves_of_another_optimizer_are_refused():
    made = optim.Optim({"d": {"name": "sgd", "lr": 0.1}}, steps=32)
    for options in ({"lazy": [4]}, {"idle": [4]}):
        with pytest.raises(UserError, match="config.optim.d: lazy .* for adam only; use adam"):
            made("d", **options)


def test_adam_restarts_at_each_stage_and_where_its_fade_ends():
    """ProGAN's train.py: `np.floor(lod)` or `np.ceil(lod)` differs from the step before."""
    growth = plan(
        {"stable": 3, "fade": 4, "rate": {"8": 1.5, "16": 2.0}},
        shape=(16, 16, 1), images=1, size=1,
    )  # fmt: skip
    resets = {0: 1.0, 3: 1.5, 7: 1.5, 10: 2.0, 14: 2.0}  # update -> the rate from there on
    tx = optim.Optim({"g": ADAM}, steps=18, growth=growth)("g")
    grads = np.random.default_rng(0).normal(size=18)
    ends = [*list(resets)[1:], 18]
    plain, want = optim.adam(updates=18, lr=0.1, b1=0.5, b2=0.9), []
    for (start, rate), end in zip(resets.items(), ends, strict=True):
        want.extend(rate * np.diff([0.0, *walk(plain, grads[start:end], 0.0)]))
    np.testing.assert_allclose(np.diff([0.0, *walk(tx, grads, 0.0)]), want, rtol=1e-3, atol=1e-6)
    # The authors' level of detail at each step, from the same lengths of training and fading.
    lod = [2.0 - sum(stage.alpha(t) for stage in growth.stages[1:]) for t in range(18)]
    after = [*lod[1:], lod[-1]]  # theirs is that of the images already seen, one step on
    changed = [
        t + 1 for t in range(17)
        if (np.floor(lod[t]), np.ceil(lod[t])) != (np.floor(after[t]), np.ceil(after[t]))
    ]  # fmt: skip
    assert [start + (start in (3, 10)) for start in list(resets)[1:]] == changed
