"""Translation as it runs: terms alone, pools that resume, seeds, eight devices, and ablations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.data.load import load
from jaxgan.data.source import items
from jaxgan.parallel import mesh
from jaxgan.training import loop, replicas, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.step import train_step

KEY = jax.random.key(0)
CRITIC = {"name": "cyclegan.PixelDiscriminator", "width": 2}
PLAIN = {"adversarial": 0.0, "cycle": 0.0, "identity": 0.0}


def build(res=32, *, width=16, optim=None, **changes):
    g = {"name": "cyclegan.ResNetGenerator", "width": width, "blocks": 1}
    shape = (res, res, 3)
    node = {"name": "translation", "g": g, "d": CRITIC, **changes}
    adam = {"name": "adam", "lr": 4e-3, "b1": 0.9, "decay": "linear", "decay_from": 0.5}
    optim = dict.fromkeys(("g", "d"), optim or adam)
    return make_game(node, optim, spec=Spec(shape, other=shape), steps=300)


@pytest.mark.parametrize(("weight", "most"), [("identity", 0.05), ("cycle", 0.02)])
def test_a_term_alone_teaches_what_it_says(weight, most):
    """On one picture of each domain: InstanceNorm hides from G how bright a picture is."""
    columns = items(load("photos_ab", res=32, crops=1), np.arange(1))
    batch = {name: x.astype(np.float32) / 127.5 - 1 for name, x in columns.items()}
    game = build(**PLAIN | {weight: 10.0})
    play = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    state = jax.jit(functools.partial(core.init, game))(KEY)

    @jax.jit
    def error(state):
        a, b = batch["image"], batch["other"]
        to_b, to_a = (functools.partial(game.translators[name], state) for name in ("a2b", "b2a"))
        pairs = {
            "identity": ((to_b(b, KEY), b), (to_a(a, KEY), a)),
            "cycle": ((to_a(to_b(a, KEY), KEY), a), (to_b(to_a(b, KEY), KEY), b)),
        }[weight]
        return jnp.stack([jnp.abs(x - y).mean() for x, y in pairs])

    assert (error(state) > 0.2).all(), "before training"
    for _ in range(300):
        state, _ = play(state, batch, KEY, turns=("g",))
    assert (error(state) < most).all(), error(state)


def test_the_generator_does_not_see_how_bright_a_picture_is():
    """Why a cycle error stays: what InstanceNorm removes, no way back can restore."""
    game = build(res=16, width=4)
    state = core.init(game, KEY)
    x = 0.3 * jax.random.normal(KEY, (1, 16, 16, 3))
    one, brighter = (game.translators["a2b"](state, each, KEY) for each in (x, x + 0.3))
    np.testing.assert_allclose(one, brighter, atol=1e-4)


CONFIG = {
    "seed": 0,
    "seeds": 2,
    "batch": 8,
    "data": {"name": "photos_ab", "res": 16, "crops": 40, "held": 4, "flip": True},
    "game": {
        "name": "translation",
        "g": {"name": "cyclegan.ResNetGenerator", "width": 2, "blocks": 1},
        "d": CRITIC,
        "identity": 5.0,
        "pool": 12,
    },
    "optim": dict.fromkeys(("g", "d"), {"name": "adam", "lr": 1e-3}),
    "log": {"every": 1, "pictures": 3, "samples": 2},
    "checkpoint": {"every": 3},
}


def state_of(folder):
    like = replicas.like(workdir.read(folder).game(), 2)
    saves = Checkpoints(folder / "checkpoints", write=False)
    return saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))


def test_pools_of_two_seeds_resume_to_the_bit(tmp_path, compiled_once):
    """Stopped with full pools; one of 12 is full after two steps of 8."""
    for folder, stops in (("whole", (6,)), ("resumed", (3, 6))):
        for steps in stops:
            assert loop.train({**CONFIG, "steps": steps}, tmp_path / folder) == 0
    whole, resumed = state_of(tmp_path / "whole"), state_of(tmp_path / "resumed")
    assert jax.tree.leaves_with_path(whole)[0][1].shape == (2,), "a step for each seed"
    np.testing.assert_array_equal(whole.memory["pool_a"]["held"], [12, 12])
    jax.tree.map(np.testing.assert_array_equal, whole, resumed)
    first, second = whole.memory["pool_b"]["images"]
    assert np.abs(first - second).max() > 0.01, "seeds have pools of their own"


def test_eight_devices_do_what_one_does():
    game = build(res=16, width=2, pool=12, optim={"name": "sgd", "lr": 0.01})
    ends = []
    for n in (1, 8):
        devices = mesh.over_data(8, jax.devices()[:n])
        with jax.set_mesh(devices):
            init = functools.partial(core.init, game)
            state = jax.jit(init, out_shardings=mesh.of_states(devices))(KEY)
            step = jax.jit(functools.partial(train_step, game), static_argnames="turns")
            for t in range(3):
                draw = np.random.default_rng(t)
                names = ("image", "other")
                batch = {k: draw.integers(0, 256, (8, 16, 16, 3), np.uint8) for k in names}
                state, _ = step(state, mesh.place(devices, batch), KEY, turns=("g", "d"))
            ends.append(jax.device_get(state))
    one, eight = ends
    for net in one.params:
        a, b = (np.asarray(ravel_pytree(end.params[net])[0]) for end in ends)
        assert np.linalg.norm(a - b) <= 1e-3 * np.linalg.norm(a), net
    for pool in ("pool_a", "pool_b"):
        np.testing.assert_allclose(
            one.memory[pool]["images"], eight.memory[pool]["images"], atol=1e-2
        )
        assert one.memory[pool]["held"] == eight.memory[pool]["held"] == 12


@pytest.mark.parametrize("flag", ["cycle", "identity"])
def test_a_weight_of_0_turns_its_term_off(flag):
    """--config.game.cycle=0 and --config.game.identity=0 of the studies."""
    shape = (2, 16, 16, 3)
    batch = {name: jax.random.uniform(jax.random.key(i), shape, minval=-1) for i, name in
             enumerate(("image", "other"))}  # fmt: skip
    found = {}
    for value in (0.0, 5.0):
        game = build(res=16, width=2, **{"identity": 5.0, flag: value})
        state = core.init(game, KEY)
        turn = game.turns[0]
        _, aux = turn.loss(state.params, state, batch, KEY)
        found[value] = {k: float(v) for k, v in aux.metrics.items()}
    terms = [name for name in found[5.0] if name.startswith(flag)]
    assert len(terms) == 2 and all(found[5.0][name] > 0 for name in terms)
    assert all(found[0.0].get(name, 0) == 0 for name in terms)
    for name in set(found[0.0]) - set(terms):
        assert found[0.0][name] == pytest.approx(found[5.0][name]), "others stay"
