"""per_device: each device takes the step on its share, and all have the mean gradient."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.accumulate import in_parts, per_device
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Aux, Spec, Turn
from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError
from jaxgan.training.step import train_step

SGD = {"name": "sgd", "lr": 0.1}
KEY = jax.random.key(5)
N, DEVICES, SHAPE = 16, 4, (8, 8, 1)
NODE = {
    "name": "adversarial",
    "g": {"name": "mlp.Generator", "widths": (8,)},
    "d": {"name": "cgan.Discriminator", "widths": (8, 8), "spectral": True},
    "latent": 4,
    "augment": "diff_augment",
    "regularizers": {"r1": {}},
    "ema": "1kimg",
}


def count(params, state, batch, key):
    del params, state, key
    return jnp.zeros(()), Aux({"rows": jnp.float32(len(batch["image"]))})


def play(parallel, k=1, **nets):
    game = make_game({**NODE, **nets}, {"g": SGD, "d": SGD}, spec=Spec(SHAPE), steps=2)
    game = game._replace(turns=(*game.turns, Turn("count", None, count)))
    game = in_parts(game, [N], k, parallel, vmapped=False)
    images = np.random.default_rng(0).integers(0, 256, (N, *SHAPE), np.uint8)
    over = mesh.over_data(N, jax.devices()[:DEVICES])
    with jax.set_mesh(over):
        fresh = jax.jit(partial(core.init, game), out_shardings=mesh.of_states(over))
        step = jax.jit(partial(train_step, game, turns=("d", "g", "count")))
        return jax.block_until_ready(step(fresh(KEY), mesh.place(over, {"image": images}), KEY))


def agree(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def whole():
    return play("global")


def test_without_statistics_of_the_batch_the_shares_are_the_whole(whole):
    """Draws, augmentation, averages by images and turns without a player included."""
    shares = play("per_device")
    agree(whole, shares)
    assert shares[1]["count/rows"] == N
    for leaf in jax.tree.leaves(shares[0]):
        assert len(leaf.sharding.device_set) == DEVICES and leaf.sharding.is_fully_replicated


def test_batch_norm_takes_the_moments_of_a_share():
    d = {"name": "mlp.Discriminator", "widths": (8,), "norm": "BatchNorm"}
    plain = {"d": d, "regularizers": {}, "augment": "none"}
    (one, _), (share, _) = play("global", **plain), play("per_device", **plain)
    kernels = [state.params["d"]["Dense_0"]["kernel"] for state in (one, share)]
    assert not np.allclose(*kernels, atol=1e-6)
    moments = [
        state.stats["d"]["batch_stats"]["BatchNorm_0"]["BatchNorm_0"] for state in (one, share)
    ]
    np.testing.assert_allclose(*(m["mean"] for m in moments), rtol=1e-5, atol=1e-6)
    assert (moments[1]["var"] < moments[0]["var"]).all(), "the means of shares differ"


def test_what_mixes_the_samples_of_a_share_is_said_in_one_line(capsys):
    d = {"name": "mlp.Discriminator", "widths": (8,), "norm": "BatchNorm"}
    normed = {"d": d, "regularizers": {}, "augment": "none"}
    for nets, lines in ((normed, 1), ({}, 0)):
        game = make_game({**NODE, **nets}, {"g": SGD, "d": SGD}, spec=Spec(SHAPE), steps=2)
        per_device(game)
        said = capsys.readouterr().err
        assert len(said.splitlines()) == lines, said
        if lines:
            assert "BatchNorm" in said and "will mix the samples of a device's share" in said


def test_seeds_under_vmap_and_pools_are_refused():
    game = make_game(NODE, {"g": SGD, "d": SGD}, spec=Spec(SHAPE), steps=2)
    with pytest.raises(UserError, match=r"vmap.*config.replicas=sequential"):
        in_parts(game, [N], 1, "per_device", vmapped=True)
    pooled = game._replace(init=lambda key: (*game.init(key)[:2], {"pool_a": jnp.zeros(2, int)}))
    with pytest.raises(UserError, match=r"per_device: the game's pool_a.*config.game.pool=0"):
        per_device(pooled)
