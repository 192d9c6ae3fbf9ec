"""Eight simulated devices do what one does, each an eighth of it."""

import functools
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan.core import game as core
from jaxgan.core import growth
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.sharding import shard
from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import over_data
from jaxgan.training.step import train_step

SPEC = Spec((16, 16, 1))
BATCH = 64


def dcgan():
    adam = {"name": "adam", "lr": 2e-4, "b1": 0.5}
    nets = {
        n: {"name": f"dcgan.{c}", "width": 4}
        for n, c in (("g", "Generator"), ("d", "Discriminator"))
    }
    return make_game(
        {"name": "adversarial", "latent": 8, "ema": 0.9, **nets},
        {"g": adam, "d": adam},
        spec=SPEC,
        steps=5,
    )


def compiled(devices, game, batch):
    step = jax.jit(functools.partial(train_step, game), static_argnames="turns")
    fresh = jax.jit(functools.partial(core.init, game), out_shardings=mesh.of_states(devices))
    state, key = fresh(jax.random.key(0)), jax.random.key(1)
    return step.lower(state, batch, key, turns=("d", "g")).compile(), state, key


def data(t):
    return {"image": np.random.default_rng(t).integers(0, 256, (BATCH, 16, 16, 1), np.uint8)}


def run(n, steps=5):
    devices = mesh.over_data(BATCH, jax.devices()[:n])
    with jax.set_mesh(devices):
        step, state, key = compiled(devices, dcgan(), mesh.place(devices, data(0)))
        for t in range(steps):
            state, _ = jax.block_until_ready(step(state, mesh.place(devices, data(t)), key))
    return state, step.cost_analysis()["flops"]


def test_eight_devices_agree_with_one_and_share_the_work():
    (one, flops_one), (eight, flops_eight) = run(1), run(8)
    for x in jax.tree.leaves(eight):
        assert len(x.sharding.device_set) == 8 and x.sharding.is_fully_replicated
    for net in ("g", "d"):
        # Adam divides gradients near 0 by their size, so single weights may differ by more.
        a, b = (np.asarray(ravel_pytree(jax.device_get(s.params[net]))[0]) for s in (one, eight))
        assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(a), net
    # an eighth, and what each device does to the whole parameters: Adam and the EMA
    assert flops_eight < flops_one / 8 * 1.35


def test_latents_and_data_differ_between_shards():
    devices = mesh.over_data(BATCH)
    with jax.set_mesh(devices):
        draw = jax.jit(lambda key: shard(jax.random.normal(key, (BATCH, 8))))
        z = draw(jax.random.key(0))
    batch = mesh.place(devices, data(0))["image"]
    for x in (z, batch):
        shards = [np.asarray(s.data) for s in x.addressable_shards]
        assert len(shards) == 8 and all(len(s) == BATCH // 8 for s in shards)
        assert len({s.tobytes() for s in shards}) == 8
    np.testing.assert_array_equal(z, jax.random.normal(jax.random.key(0), (BATCH, 8)))


def test_all_local_devices_are_used_by_default():
    assert mesh.over_data(BATCH).size == 8


def test_a_batch_that_does_not_split_is_refused():
    with pytest.raises(UserError, match="config.batch=60 does not split over 8 devices"):
        mesh.over_data(60)
    with pytest.raises(UserError, match="multiple of 3 .with --override=batch.*on 2 of the dev"):
        mesh.over_data(8, jax.devices()[:3])


def test_several_slices_follow_each_other_and_a_process_has_its_devices_rows():
    tpus = [SimpleNamespace(platform="tpu", slice_index=i % 2, id=i) for i in range(8)]
    assert [[d.id for d in each] for each in mesh._slices(tpus)] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    assert mesh._slices(jax.devices()) == [jax.devices()], "nothing else has slices"
    np.testing.assert_array_equal(mesh.rows(mesh.over_data(BATCH), BATCH), np.arange(BATCH))


def test_batches_of_several_processes_are_put_where_their_rows_belong():
    split = NamedSharding(mesh.over_data(BATCH), PartitionSpec(None, "data"))
    rows = np.arange(3 * BATCH * 2).reshape(3, BATCH, 2)
    whole = mesh._assemble(split, rows, 1)
    assert whole.sharding == split
    np.testing.assert_array_equal(whole, rows)


def test_the_batch_of_a_stage_that_does_not_split_is_named():
    node = {"first": 4, "batch": {"8": 12, "16": 20}}
    stages = growth.plan(node, shape=(16, 16, 1), images=16, size=100)
    with pytest.raises(UserError, match="config.growth.batch.8=12 does .*--override=growth"):
        over_data(jax.devices(), stages, node)
