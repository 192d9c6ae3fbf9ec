"""Accumulated gradients: those of the whole batch, a slice at a time."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core import slices
from jaxgan.core.accumulate import accumulated
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas

# A rate of SGD, unlike Adam's, scales with the gradient: small differences stay small.
SGD = {"name": "sgd", "lr": 0.1}
KEY = jax.random.key(5)
N = 12
PARTS = {"g": "Generator", "d": "Discriminator"}


def pair(name, **options):
    return {player: {"name": f"{name}.{part}", **options} for player, part in PARTS.items()}


# Dropout, augmentation, a penalty on pairs and label noise all draw for each row.
PENALIZED = {
    "name": "adversarial",
    "g": {"name": "mlp.Generator", "widths": (8,), "norm": "LayerNorm"},
    "d": {"name": "cgan.Discriminator", "widths": (8, 8), "spectral": True},
    "latent": 4,
    "g_batch": 2,
    "loss": {"name": "non_saturating", "noise": 0.1},
    "augment": "diff_augment",
    "regularizers": {"gradient_penalty": {}},
    "ema": 0.9,
}
PAIRED = {
    "name": "adversarial",
    **pair("mlp", widths=(8,)),
    "condition": "label",
    "loss": "relativistic_pairing",
    "dequantize": True,
    "latent": 4,
}
STYLED = {
    "name": "stylegan2",
    **pair("stylegan2", channel_base=32, channel_max=4),
    "latent": 4,
    "pl_every": 0,
    "r1_every": 0,
    "ema": 0.9,
}
STYLED["g"] |= {"w_dim": 4, "layers": 2}
STYLED["d"] |= {"std_channels": 0}


def play(node, k):
    shape = (8, 8, 3)
    game = make_game(node, {"g": SGD, "d": SGD}, spec=Spec(shape, 3), steps=32)
    game = accumulated(game, k, [N])
    rows = np.random.default_rng(0)
    batch = {
        "image": jnp.asarray(rows.uniform(-1, 1, (N, *shape)), jnp.float32),
        "label": jnp.asarray(rows.integers(0, 3, N)),
    }
    state = jax.jit(partial(core.init, game))(KEY)
    turns = tuple(turn.name for turn in game.turns)
    return jax.jit(partial(core.step, game, turns=turns))(state, batch, KEY)


@pytest.mark.parametrize(
    ("node", "k"), [(PENALIZED, 3), (PAIRED, 2), (STYLED, 2)], ids=["penalized", "paired", "styles"]
)
def test_slices_are_the_whole_batch_where_nothing_mixes_samples(node, k, capsys):
    (one, of_one), (some, of_some) = play(node, 1), play(node, k)
    assert of_one.keys() == of_some.keys()
    for name, value in of_one.items():
        if node is PAIRED and "accuracy" in name:  # of logits against the mean of a slice's others
            continue
        np.testing.assert_allclose(of_some[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(some), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert not capsys.readouterr().err


def test_what_mixes_samples_is_said_in_one_line(capsys):
    node = {
        "name": "adversarial",
        "latent": 4,
        "loss": "relativistic_average",
        "regularizers": {"dragan": {}},
        **pair("mlp", widths=(4,)),
    }
    node["g"]["norm"] = "BatchNorm"
    make = partial(make_game, optim={"g": SGD, "d": SGD}, spec=Spec((8, 8, 1)), steps=2)
    accumulated(make(node), 2, [8])
    styled = {**STYLED, "d": {**STYLED["d"], "std_channels": 1}, "pl_every": 4}
    adam = {"name": "adam", "lr": 0.1}
    accumulated(make(styled, optim={"g": adam, "d": adam}), 2, [8])
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "config.accumulate=2: BatchNorm, the loss's mean logits, dragan will mix"
    )
    assert second.startswith("config.accumulate=2: MinibatchStd, path lengths' mean will mix")


def test_statistics_are_means_over_slices_and_memory_moves_once():
    """With BatchNorm, as a step of each slice from the same state would have it."""
    node = {**PAIRED, "loss": "hinge", "condition": "", "dequantize": False}
    node |= pair("mlp", widths=(8,))
    node["d"]["norm"] = "BatchNorm"
    (one, _), (two, _) = play(node, 1), play(node, 2)
    mean = [s.stats["d"]["batch_stats"]["BatchNorm_0"]["BatchNorm_0"]["mean"] for s in (one, two)]
    np.testing.assert_allclose(*mean, rtol=1e-5, atol=1e-6)
    assert not np.allclose(*(s.params["d"]["Dense_0"]["kernel"] for s in (one, two)), atol=1e-6)


def test_a_batch_that_does_not_split_and_a_pool_are_refused():
    make = partial(make_game, optim={"g": SGD, "d": SGD}, steps=2)
    game = make(PAIRED, spec=Spec((8, 8, 1), 3))
    with pytest.raises(UserError, match="batch of 10 does not split into 4"):
        accumulated(game, 4, [16, 10])
    node = {
        "name": "translation", "pool": 4, "g": {"name": "cyclegan.ResNetGenerator", "width": 2},
        "d": {"name": "cyclegan.PatchDiscriminator", "width": 2, "layers": 1},
    }  # fmt: skip
    pooled = make(node, spec=Spec((8, 8, 1), other=(8, 8, 1)))
    with pytest.raises(UserError, match=r"pool_a takes a batch at once.*config.game.pool=0"):
        accumulated(pooled, 2, [4])


def test_seeds_at_once_accumulate_too():
    make = partial(make_game, optim={"g": SGD, "d": SGD}, spec=Spec((8, 8, 3), 3), steps=2)
    game = accumulated(make(PENALIZED), 3, [N])
    keys = replicas.keys(0, 2)
    batch = {"image": jax.ShapeDtypeStruct((2, N, 8, 8, 3), "float32")}
    states = jax.eval_shape(lambda: jax.vmap(partial(core.init, game))(keys))
    step = replicas.replicate(partial(core.step, game))
    new, metrics = jax.eval_shape(partial(step, turns=("d", "g")), states, batch, keys)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), new) == jax.tree.map(
        lambda x: (x.shape, x.dtype), states
    )
    assert metrics["d/loss"].shape == (2,)


def test_a_slice_draws_its_rows_of_what_the_batch_draws():
    n, k = 4, 3
    draws = {
        "latents": lambda key, m: jax.random.normal(key, (m, 5)),
        "second axis": lambda key, m: jax.random.uniform(key, (3, m, 1)).swapaxes(0, 1),
        "streams": lambda key, m: jax.random.bernoulli(
            jax.random.fold_in(jax.random.split(key, 4)[2], 7), 0.5, (m, 2)
        ),
        "several a row": lambda key, m: jax.random.randint(key, (2 * m,), -5, 9),
    }
    for name, draw in draws.items():
        each = jax.vmap(lambda i, draw=draw: draw(slices.of_slice(KEY, i, n, k), n))(jnp.arange(k))
        np.testing.assert_array_equal(slices.joined(each), draw(KEY, n * k), err_msg=name)
    one = slices.of_slice(KEY, jnp.int32(1), n, k)
    assert jax.random.uniform(one) == jax.random.uniform(KEY), "a scalar is the batch's"
    other = jax.random.key(0, impl="rbg")
    assert jax.random.key_impl(slices.of_slice(other, jnp.int32(1), n, k)) == "rbg"
