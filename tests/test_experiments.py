"""One table over experiments/: each builds, takes two steps, and draws what it should."""

import functools
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import game as core
from jaxgan.resolve import bind
from jaxgan.train import prepare, train_step

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "experiments").glob("*.py"))
PRESETS = ["gan.py:minimax,smoke", "dcgan.py:smoke,res=64,data=photos"]


def narrow(config):
    """The same nets at a few channels, so that the table compiles in seconds."""
    for net in ("g", "d"):
        if not isinstance(config.game[net], str):
            config.game[net].width = 4
    return config


@pytest.mark.parametrize("name", [f"{p.name}:smoke" for p in FILES] + PRESETS)
def test_experiment(name):
    config = narrow(configs.load(str(ROOT / "experiments" / name)))
    run = bind(prepare, config.to_dict(), at="config")()
    every_turn = tuple(turn.name for turn in run.game.turns)
    step = jax.jit(
        functools.partial(train_step, run.game), static_argnames="turns", donate_argnums=0
    )
    before = state = jax.jit(functools.partial(core.init, run.game))(jax.random.key(0))
    before = jax.tree.map(np.asarray, before)
    for t in range(2):
        state, metrics = step(state, run.batches(t), jax.random.key(1), turns=every_turn)
        for value in metrics.values():
            assert np.isfinite(value) and value.shape == () and value.dtype == jnp.float32
    assert step._cache_size() == 1, "the second step compiled again"
    chex.assert_trees_all_equal_shapes_and_dtypes(before, state)
    assert int(state.step) == 2
    moved = {
        net: any(
            (a != b).any() for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
        )
        for (net, old), new in zip(before.params.items(), state.params.values(), strict=True)
    }
    assert all(moved.values()), moved

    images = run.game.sample(state, run.game.inputs(jax.random.key(2), 3), jax.random.key(3))
    assert images.shape == (3, *run.spec.shape) and images.dtype == jnp.float32
    assert np.isfinite(images).all() and abs(images).max() <= 1


@pytest.mark.parametrize("name", [p.name for p in FILES])
def test_each_turn_moves_its_own_players_nets_only(name):
    config = narrow(configs.load(str(ROOT / "experiments" / f"{name}:smoke")))
    run = bind(prepare, config.to_dict(), at="config")()
    state = core.init(run.game, jax.random.key(0))
    for turn in run.game.turns:
        after, _ = jax.jit(functools.partial(train_step, run.game), static_argnames="turns")(
            state, run.batches(0), jax.random.key(1), turns=(turn.name,)
        )
        own = run.game.players[turn.player].nets if turn.player else ()
        for net in state.params:
            same = jax.tree.map(
                lambda a, b: bool((a == b).all()),
                (state.params[net], state.stats[net]),
                (after.params[net], after.stats[net]),
            )
            assert all(jax.tree.leaves(same)) == (net not in own), (turn.name, net)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_docstring_says_command_and_paper(path):
    text = path.read_text()
    assert f"python -m jaxgan.main --config=experiments/{path.name}" in text
    assert ":smoke" in text
    assert "et al." in text or "Chollet" in text


@pytest.mark.parametrize("name", [p.name for p in FILES])
def test_players_optimisers_are_set_apart(name):
    config = configs.load(str(ROOT / "experiments" / name))
    configs.override(config, ["--config.optim.g.lr=0.5"])
    assert config.optim.g.lr == 0.5 and config.optim.d.lr != 0.5
