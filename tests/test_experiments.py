"""One table over experiments/: each builds, takes two steps, and draws what it should."""

import functools
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.training.loop import prepare, train_step

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "experiments").glob("*.py"))
PRESETS = ["gan.py:minimax,smoke", "dcgan.py:smoke,res=64,data=photos"]
PRESETS += ["cgan_matching.py:two_stage,smoke", "infogan.py:odog,smoke", "acgan.py:tutorial,smoke"]
PRESETS += ["wgan_gp.py:unlabelled,smoke", "sngan.py:unlabelled,smoke"]


def narrow(config):
    """The same nets at a few channels, so that the table compiles in seconds."""
    for net in ("g", "d"):
        node = config.game[net]
        if not isinstance(node, str) and "width" in node:
            node.width = 4
    return config


@pytest.mark.parametrize("name", [f"{p.name}:smoke" for p in FILES] + PRESETS)
def test_experiment(name):
    config = narrow(configs.load(str(ROOT / "experiments" / name)))
    run = bind(prepare, config.to_dict(), at="config")()
    step = jax.jit(functools.partial(train_step, run.game), static_argnames="turns")
    first = state = jax.jit(functools.partial(core.init, run.game))(jax.random.key(0))
    for t in range(2):
        for turn in run.game.turns:
            before = state
            state, metrics = step(state, run.feeds[0](t), jax.random.key(1), turns=(turn.name,))
            for value in metrics.values():
                assert np.isfinite(value) and value.shape == () and value.dtype == jnp.float32
            own = run.game.players[turn.player].nets if turn.player else ()
            for net in state.params:
                assert has_moved(net, before, state) == (net in own), (turn.name, net)
    assert step._cache_size() == len(run.game.turns), "a second step compiled again"
    chex.assert_trees_all_equal_shapes_and_dtypes(first, state)

    inputs = run.game.inputs(jax.random.key(2), 3)
    images = jax.jit(run.game.sample)(state, inputs, jax.random.key(3))
    assert images.shape == (3, *run.spec.shape) and images.dtype == jnp.float32
    assert np.isfinite(images).all()
    assert len(run.spec.shape) == 1 or abs(images).max() <= 1, "pictures lie in [-1, 1]"


def has_moved(net, before, after):
    """Whether any parameter or statistic of a net differs between two states."""
    old, new = ((state.params[net], state.stats[net]) for state in (before, after))
    pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
    return any((a != b).any() for a, b in pairs)


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
