"""Nets taken over from another run: which arrays, and what stays."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.core.game import State
from jaxgan.runtime.errors import UserError
from jaxgan.training import loop, transfer
from jaxgan.training.workdir import restore


def state(value, classes, **parts):
    """A state whose arrays are filled with `value`; the last layer has `classes` outputs."""
    net = {"body": jnp.full(3, value), "head": {"kernel": jnp.full((3, classes), value)}}
    parts = {"ema": {"g": net}, "stats": {"g": {"mean": jnp.full(2, value)}}} | parts
    new = {"step": jnp.int32(value), "memory": {"p": jnp.float32(value)}, "opt": {"g": value}}
    return State(params={"g": net, "d": net}, **new, **parts)


def test_arrays_of_equal_names_and_shapes_are_taken_over_and_nothing_else():
    found = transfer.adopt(state(1.0, 2), state(5.0, 4))
    assert found.taken == 2 + 1 + 1 and found.kept == [
        "params.d.head.kernel",
        "params.g.head.kernel",
        "ema.g.head.kernel",
    ]
    new = found.state
    assert float(new.params["d"]["body"][0]) == 5 and float(new.stats["g"]["mean"][0]) == 5
    assert float(new.params["g"]["head"]["kernel"][0, 0]) == 1
    assert (int(new.step), float(new.memory["p"]), new.opt["g"]) == (1, 1.0, 1.0)


def test_an_average_starts_at_the_parameters_of_a_run_that_keeps_none():
    found = transfer.adopt(state(1.0, 2), state(5.0, 2, ema={}))
    assert float(found.state.ema["g"]["body"][0]) == 5 and not found.kept


def test_nothing_that_starts_alike_is_the_same_buffer():
    """A step overwrites its state, which XLA refuses of one that has a buffer twice."""
    own = state(1.0, 2)
    own = own.replace(ema=dict.fromkeys(("g", "g@0.05", "g@0.1"), own.ema["g"]))
    for given in (state(np.float32(5), 2), state(np.float32(5), 2, ema={})):
        given = jax.tree.map(jnp.array, given)  # as restored: of no weak type
        new = transfer.adopt(own, given).state
        assert float(new.ema["g@0.1"]["body"][0]) == 5
        arrays = jax.tree.leaves((new.params["g"], new.ema))
        assert len({array.unsafe_buffer_pointer() for array in arrays}) == len(arrays) == 8


def test_every_seed_takes_the_same_nets():
    stacked = jax.tree.map(lambda a, b: jnp.stack([a, b]), state(1.0, 2), state(2.0, 2))
    found = transfer.adopt(stacked, state(5.0, 2), seeds=2)
    assert found.state.params["g"]["body"].tolist() == [[5.0] * 3] * 2 and not found.kept


def smoke(name, **more):
    return configs.load(f"experiments/{name}").to_dict() | more


def test_a_run_starts_from_another_one(tmp_path, compiled_once, capfd):
    assert loop.train(smoke("gan.py:smoke", steps=3), tmp_path / "a") == 0
    first = restore(tmp_path / "a").state
    config = smoke("gan.py:smoke", steps=1, seed=9, init=f"{tmp_path / 'a'}:3")
    config["optim"] = {name: {"name": "sgd", "lr": 0.0} for name in ("g", "d")}
    assert loop.train(config, tmp_path / "b") == 0
    assert "nets of step 3 of" in capfd.readouterr().err
    second = restore(tmp_path / "b").state
    jax.tree.map(np.testing.assert_array_equal, first.params, second.params)
    assert int(second.step) == 1
    decay = config["game"]["ema"]  # not a warm-up's 0.1: the other run's average is kept
    averages = jax.tree.map(
        lambda a, b: decay * a + (1 - decay) * b, first.ema["g"], first.params["g"]
    )
    chex.assert_trees_all_close(second.ema["g"], averages, atol=1e-6)
    (tmp_path / "a" / "config.json").unlink()
    assert loop.train(config | {"steps": 2}, tmp_path / "b") == 0, "a resume needs it no more"

    for init, text in ((f"{tmp_path}/none", "holds no run"), (f"{tmp_path / 'b'}:7", "keeps 1, 2")):
        with pytest.raises(UserError, match=f"config.init={init}: .*{text}"):
            loop.train(config | {"init": init}, tmp_path / "c")
    with pytest.raises(UserError, match="no array of that run's nets"):
        loop.train(smoke("toy.py:smoke", steps=1, init=str(tmp_path / "b")), tmp_path / "d")
