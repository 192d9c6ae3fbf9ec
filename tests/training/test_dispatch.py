"""Programs of one seed or several: bit-identical to steps alone, or to float tolerance."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.data.pipeline import Batches
from jaxgan.data.sources.toy import ring
from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch, replicas
from jaxgan.training.step import train_step

STEPS, SEED = 20, 7


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


def trained(game, devices, n, stride, batch=8):
    """A program after STEPS steps, its states and the mean of g's loss in the last ten."""
    feeds = [Batches(ring(size=1000), batch=batch, seed=SEED + i) for i in range(n)]
    step = partial(train_step, game)
    program = dispatch.build(step, game, feeds, seed=SEED, mesh=devices, stride=stride)
    losses = []
    with jax.set_mesh(devices):
        states = program.init()
        for t in range(0, STEPS, stride):
            states, metrics = program.step(states, program.feed(t), t)
            losses += [np.asarray(metrics["g/loss"])] if "g/loss" in metrics else []
            jax.block_until_ready(states)
    return program, states, np.mean(losses[len(losses) // 2 :], axis=0)


def one_device():
    return mesh.over_data(8, jax.devices()[:1])


@pytest.fixture(scope="module")
def alone(game):
    """Seed SEED + 1, without any program."""
    key, feed = jax.random.key(SEED + 1), Batches(ring(size=1000), batch=8, seed=SEED + 1)
    state = jax.jit(partial(replicas.first, game))(key)
    step = jax.jit(partial(train_step, game), static_argnames="turns")
    losses = []
    for t in range(STEPS):
        state, row = step(state, feed(t), key, turns=core.due(game, t))
        losses += [row["g/loss"]] if "g/loss" in row else []
    return state, np.mean(losses[len(losses) // 2 :])


def test_a_step_overwrites_in_place_what_plain_jit_copies(game):
    step, key = partial(train_step, game), jax.random.key(0)
    feed = Batches(ring(size=1000), batch=8, seed=SEED)
    args, turns = (core.init(game, key), feed(0), key), core.due(game, 1)
    plain = jax.jit(step, static_argnames="turns", donate_argnums=0)
    copies = [
        f.lower(*args, turns=turns).compile().as_text().count(" copy(")
        for f in (dispatch.compiled(step), plain)
    ]
    assert copies[0] < copies[1]


def test_sequential_seeds_equal_the_runs_alone_bit_for_bit(game, alone):
    program, states, loss = trained(game, one_device(), 2, 1)
    jax.tree.map(np.testing.assert_array_equal, states[1], alone[0])
    np.testing.assert_allclose(loss[1], alone[1], rtol=1e-6)
    packed = program.pack(states)
    like = replicas.like(game, 2)
    assert jax.tree.map(jnp.shape, packed) == jax.tree.map(jnp.shape, like)
    for before, after in zip(states, program.unpack(packed), strict=True):
        jax.tree.map(np.testing.assert_array_equal, before, after)


def test_several_steps_a_dispatch_equal_the_steps_alone_bit_for_bit(game, alone):
    _, states, loss = trained(game, one_device(), 2, 10)
    jax.tree.map(np.testing.assert_array_equal, states[1], alone[0])
    np.testing.assert_allclose(loss[1], alone[1], rtol=1e-6)


@pytest.mark.parametrize("n", [3, 8])  # on one device, and one on each of eight
@pytest.mark.parametrize("stride", [1, 10])
def test_vmapped_seeds_equal_the_runs_alone_to_float_tolerance(game, alone, n, stride):
    devices = mesh.over_seeds(n)
    assert devices.size == {3: 1, 8: 8}[n]
    program, states, loss = trained(game, devices, n, stride)
    kernel = states.params["g"]["Dense_0"]["kernel"]
    assert kernel.sharding.shard_shape(kernel.shape) == (n // devices.size, 2, 16)
    close = partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, program.split(states)[1], alone[0])
    close(loss[1], alone[1])
    assert (kernel[0] != kernel[1]).any(), "replicas differ"


@pytest.mark.parametrize("stride", [1, 10])
@pytest.mark.parametrize("seeds", [1, 8])
def test_a_program_is_lowered_from_shapes_as_it_is_called(game, seeds, stride):
    devices = mesh.over_seeds(seeds) if seeds > 1 else mesh.over_data(8)
    feeds = [Batches(ring(size=1000), batch=8, seed=SEED + i) for i in range(seeds)]
    step = partial(train_step, game)
    program = dispatch.build(step, game, feeds, seed=SEED, mesh=devices, stride=stride)
    with jax.set_mesh(devices):
        lowered = program.lower(feeds[0].abstract(1), 1 if stride == 1 else 0).as_text()
        args = program.init(), program.feed(0), program._keys
        turns = program.turns(1 if stride == 1 else 0)
        assert lowered == program._run.lower(*args, turns=turns).as_text()


def test_period_of_the_turns(game):
    assert dispatch.period(game) == (("d",), ("d", "g"))
    lazy = core.Turn("r1", "d", None, every=3)
    longer = dispatch.period(game._replace(turns=(*game.turns, lazy)))
    assert longer == (("d",), ("d", "g"), ("d", "r1"), ("d", "g"), ("d",), ("d", "g", "r1"))


def test_a_loss_that_is_not_finite_shows_in_the_mean():
    def step(state, batch, key, *, turns):
        return state + 1, {"loss": jnp.where(state == 3, jnp.nan, 0.0)}

    _, metrics = dispatch.chunk(
        replicas.replicate(step),
        jnp.array([0, 3]),
        jnp.zeros((3, 2, 1)),
        replicas.keys(0, 2),
        turns=((),),
    )
    np.testing.assert_array_equal(np.isnan(metrics["loss"]), [False, True])


def test_stride_divides_all_intervals(game):
    assert dispatch.stride(game, "auto", (8000, 100, 500, 2000, 0), 64) == 50
    assert dispatch.stride(game, "auto", (8000, 100, 500, 2000, 4), 64) == 4
    assert dispatch.stride(game, "auto", (8001, 100), 64) == 1
    assert dispatch.stride(game, 10, (8000, 100), 64) == 10
    for wish in (3, 5, 200, 0, "many"):
        with pytest.raises(UserError, match="config.dispatch"):
            dispatch.stride(game, wish, (8000, 100), 64)


def convolutions(n_critic=1):
    node = {
        "name": "adversarial",
        "g": {"name": "dcgan.Generator", "width": 2},
        "d": {"name": "dcgan.Discriminator", "width": 2},
        "n_critic": n_critic,
    }
    optim = {"g": {"name": "sgd", "lr": 0.1}, "d": {"name": "sgd", "lr": 0.1}}
    return make_game(node, optim, spec=Spec((16, 16, 1)), steps=1)


def test_seeds_of_convolutions_run_sequentially_on_a_cpu_unless_told_otherwise(game):
    assert dispatch.vmapped(game, "auto") and not dispatch.vmapped(game, "sequential")
    conv = convolutions()
    assert dispatch.vmapped(conv, "vmap") and not dispatch.vmapped(conv, "auto")
    assert dispatch.stride(conv, "auto", (100, 50), 64) == 1
    with pytest.raises(UserError, match="auto, vmap or sequential"):
        dispatch.vmapped(game, "turns")


@pytest.mark.parametrize(("n_critic", "size", "steps"), [
    (1, 2**10, 50), (1, dispatch.AHEAD // 30, 25), (1, dispatch.AHEAD + 1, 1), (5, 2**10, 1),
])  # fmt: skip
def test_convolutions_on_an_accelerator_take_several_steps_a_dispatch(
    monkeypatch, n_critic, size, steps
):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert dispatch.stride(convolutions(n_critic), "auto", (8000, 100), size) == steps
