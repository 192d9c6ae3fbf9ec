from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import game as core
from jaxgan import seeds
from jaxgan.data.pipeline import Batches
from jaxgan.data.toy import ring
from jaxgan.game import Spec
from jaxgan.recipe import make_game
from jaxgan.train import train_step

STEPS = 20


@pytest.fixture(scope="module")
def game():
    adam = {"name": "adam", "lr": 1e-3, "b1": 0.5}
    node = {
        "name": "adversarial",
        "g": {"name": "mlp.Generator", "widths": (16,), "output": "linear"},
        "d": {"name": "mlp.Discriminator", "widths": (16,), "spectral": True},
        "n_critic": 2,
        "latent": 2,
        "ema": 0.9,
    }
    return make_game(node, {"g": adam, "d": adam}, spec=Spec((2,), 8), steps=STEPS)


def test_period(game):
    assert seeds.period(game) == (("d",), ("d", "g"))
    lazy = core.Turn("r1", "d", None, every=3)
    longer = seeds.period(game._replace(turns=(*game.turns, lazy)))
    assert longer == (("d",), ("d", "g"), ("d", "r1"), ("d", "g"), ("d",), ("d", "g", "r1"))


def test_a_replica_is_the_same_seed_run_alone(game):
    source, keys, turns = ring(size=1000), seeds.keys(7, 3), seeds.period(game)
    feeds = [Batches(source, batch=8, seed=7 + i) for i in range(3)]
    chunk = jax.jit(partial(seeds.chunk, partial(train_step, game), turns=turns))
    first = states = jax.jit(partial(seeds.init, game))(keys)
    for start in (0, STEPS // 2):
        batches = seeds.gather(feeds, start, start + STEPS // 2)
        assert batches["image"].shape == (STEPS // 2, 3, 8, 2)
        states, means = chunk(states, batches, keys)

    key, losses = jax.random.key(8), []
    alone = jax.jit(partial(core.init, game))(jax.random.fold_in(key, 0))
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, seeds.pick(first, 1), alone)
    step = jax.jit(partial(train_step, game), static_argnames="turns")
    for t in range(STEPS):
        alone, row = step(alone, feeds[1](t), key, turns=core.due(game, t))
        losses += [row["g/loss"]] if "g/loss" in row else []
    jax.tree.map(close, seeds.pick(states, 1), alone)
    assert int(alone.step) == STEPS
    close(means["g/loss"][1], np.mean(losses[len(losses) // 2 :]))
    kernels = states.params["g"]["Dense_0"]["kernel"]
    assert (kernels[0] != kernels[1]).any(), "replicas differ"


def test_a_loss_that_is_not_finite_shows_in_the_mean():
    def step(state, batch, key, *, turns):
        return state + 1, {"loss": jnp.where(state == 3, jnp.nan, 0.0)}

    _, metrics = seeds.chunk(
        step, jnp.array([0, 3]), jnp.zeros((3, 2, 1)), seeds.keys(0, 2), turns=((),)
    )
    np.testing.assert_array_equal(np.isnan(metrics["loss"]), [False, True])


def test_interval():
    mean, half = seeds.interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert half == pytest.approx(3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-5)
    assert seeds.interval([3.0]) == (3.0, 0.0)
