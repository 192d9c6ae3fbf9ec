"""The core on a game small enough to compute by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core.game import Aux, Game, Player, Turn, due, init, step
from jaxgan.core.sharding import shard

KEY = jax.random.key(0)
BATCH = {"image": jnp.ones((4, 2))}


def make(every=1, ema=0.9, turns=None, rates=(0.1, 0.01)):
    """a descends (a - 3)^2, b descends a * b: each loss has a gradient in both."""
    turns = turns or (
        Turn("a", "a", lambda p, s, b, k: ((p["a"] - 3.0) ** 2 + p["b"], Aux())),
        Turn("b", "b", lambda p, s, b, k: (p["a"] * p["b"], Aux({"a": p["a"]})), every=every),
    )
    return Game(
        init=lambda key: ({"a": jnp.float32(1.0), "b": jnp.float32(2.0)}, {"a": {}, "b": {}}, {}),
        players={
            "a": Player(("a",), optax.sgd(rates[0])),
            "b": Player(("b",), optax.sgd(rates[1])),
        },
        turns=turns,
        inputs={},
        sample=lambda state, inputs, key: state.params["a"],
        critic=lambda state, batch: state.params["b"],
        ema={"b": ema},
    )


def run(game, steps, turns=None):
    state = init(game, KEY)
    for t in range(steps):
        state, metrics = step(game, state, BATCH, KEY, turns=turns or due(game, t))
    return state, metrics


def test_one_step_by_hand():
    state, metrics = run(make(), 1)
    a = 1 - 0.1 * 2 * (1 - 3)  # 1.4
    b = 2 - 0.01 * a  # b answers the a that has moved
    np.testing.assert_allclose(state.params["a"], a, rtol=1e-6)
    np.testing.assert_allclose(state.params["b"], b, rtol=1e-6)
    np.testing.assert_allclose(state.ema["b"], 0.9 * 2 + 0.1 * b, rtol=1e-6)
    np.testing.assert_allclose(metrics["a/loss"], 6.0)
    np.testing.assert_allclose(metrics["a/grad_norm"], 4.0)
    np.testing.assert_allclose(metrics["b/a"], a, rtol=1e-6)
    assert int(state.step) == 1


def test_a_turn_moves_its_own_player_only():
    game = make()
    before = init(game, KEY)
    for mover, other in (("a", "b"), ("b", "a")):
        state, _ = step(game, before, BATCH, KEY, turns=(mover,))
        assert state.params[mover] != before.params[mover]
        assert state.params[other] == before.params[other]


def test_due_plays_every_kth_turn_last():
    game = make(every=3)
    assert [due(game, t) for t in range(6)] == [("a",), ("a",), ("a", "b")] * 2


def test_a_turn_plays_within_its_span_under_its_label():
    turns = make().turns
    turns = (
        turns[0]._replace(name="early", span=(0, 2), label="a"),
        turns[0]._replace(name="late", span=(2, None), label="a"),
        turns[1]._replace(span=(1, 3)),
    )
    game = make(turns=turns)
    names = [due(game, t) for t in range(4)]
    assert names == [("early",), ("early", "b"), ("late", "b"), ("late",)]
    for t in (0, 3):
        metrics = step(game, init(game, KEY), BATCH, KEY, turns=due(game, t))[1]
        assert set(metrics) == {"a/loss", "a/grad_norm", "a/finite"}


def test_ema_waits_for_its_net_to_move():
    state, _ = run(make(every=2), 1)
    assert float(state.ema["b"]) == 2.0


def test_a_turn_without_a_player_moves_memory_only():
    def count(params, state, batch, key):
        return jnp.array(0.0), Aux(memory={"n": state.memory["n"] + 1})

    game = make(turns=(Turn("count", None, count),))
    game = game._replace(init=lambda key: (*make().init(key)[:2], {"n": 0}))
    state, _ = run(game, 3)
    assert int(state.memory["n"]) == 3
    assert float(state.params["a"]) == 1.0


def test_statistics_of_nets_that_a_turn_does_not_train_are_refused():
    turn = Turn("a", "a", lambda p, s, b, k: (p["a"], Aux(stats={"b": {}})))
    with pytest.raises(ValueError, match="does not train"):
        run(make(turns=(turn,)), 1)


def test_randomness_follows_from_step_and_turn_name_alone():
    seen = []

    def draw(params, state, batch, key):
        seen.append(float(jax.random.uniform(key)))
        return params["a"] * 0.0, Aux()

    def drawn(*names, steps):
        seen.clear()
        turns = tuple(Turn(n, None, draw) for n in names)
        run(make(turns=turns), steps)
        return list(seen)

    alone, with_other = drawn("x", steps=2), drawn("new", "x", steps=2)
    assert alone == with_other[1::2]
    assert len(set(with_other)) == 4


def test_second_step_does_not_retrace():
    game, traces = make(), []

    @jax.jit
    def jitted(state):
        traces.append(1)
        return step(game, state, BATCH, KEY, turns=("a", "b"))

    state, _ = jitted(init(game, KEY))
    state, _ = jitted(state)
    assert len(traces) == 1


def test_shard_without_a_mesh_changes_nothing():
    x = jnp.arange(6.0)
    assert shard(x) is x


def test_the_turn_whose_update_is_not_finite_says_so_at_once():
    game = make(rates=(0.1, np.inf))
    _, metrics = step(game, init(game, KEY), BATCH, KEY, turns=("a", "b"))
    assert metrics["a/finite"] == 1 and metrics["b/finite"] == 0
    assert np.isfinite(metrics["b/loss"]), "the loss is of the parameters before the update"
