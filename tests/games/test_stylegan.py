"""StyleGAN's game on 8x8 images and nets of a few channels."""

import functools
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core.game import Spec
from jaxgan.core.schedule import plan
from jaxgan.games import stylegan as own
from jaxgan.games.common import growing as stages
from jaxgan.nets import growing
from jaxgan.nets import mapping as latents
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import make_game

ADAM = {"name": "adam", "lr": 1e-3, "b1": 0.0, "b2": 0.99}
WIDTH = {"channel_base": 64, "channel_max": 4}
SPEC = Spec((8, 8, 1))
GROWTH = plan({"stable": 2, "fade": 2}, shape=SPEC.shape, images=4, size=100)
BATCH = {"image": np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32)}
KEY = jax.random.key(3)


def make(**options):
    node = {
        "name": "stylegan",
        "g": {"name": "stylegan.Generator", "w_dim": 6, "layers": 2, **WIDTH},
        "d": {"name": "progan.Discriminator", "filtered": True, **WIDTH},
        "latent": 5,
        **options,
    }
    return make_game(node, {"g": ADAM, "d": ADAM}, spec=SPEC, steps=6, growth=GROWTH)


@pytest.fixture(scope="module")
def played():
    """A game, its states before steps 0 to 3, and their metrics."""
    game = make()
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    states, rows = [jax.jit(functools.partial(core.init, game))(KEY)], []
    for t in range(4):
        state, row = step(states[-1], BATCH, KEY, turns=core.due(game, t))
        states, rows = [*states, state], [*rows, row]
    assert step._cache_size() == 2
    return game, states, rows


def test_stages_and_players(played):
    game, states, rows = played
    assert [(turn.name, turn.span, turn.label) for turn in game.turns] == [
        ("g_4", (0, 2), "g"), ("d_4", (0, 2), "d"), ("g_8", (2, None), "g"), ("d_8", (2, None), "d")
    ]  # fmt: skip
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert rows[0].keys() == rows[-1].keys() and "d/r1" in rows[0]
    for net in ("mapping", "synthesis", "d"):
        old, new = (jax.tree.leaves(state.params[net]) for state in (states[0], states[1]))
        assert any((a != b).any() for a, b in zip(old, new, strict=True))


def key_of(t, turn):
    return jax.random.fold_in(jax.random.fold_in(KEY, t), zlib.crc32(turn.encode()))


def test_the_mean_w_follows_its_recurrence(played):
    game, states, _ = played
    parts, state = game.sample.args[0], states[1]
    k_z = jax.random.split(jax.random.split(key_of(1, "g_4"))[0], 4)[0]
    z = jax.random.normal(k_z, (4, 5))  # the first latents, not those mixed in
    mapping = state.params["mapping"], state.stats["mapping"]
    w, _ = parts.mapping.apply(*mapping, z, train=True)
    want = 0.995 * state.memory["w_avg"] + 0.005 * w.mean(axis=0)
    np.testing.assert_allclose(states[2].memory["w_avg"], want, atol=1e-6)
    assert state.memory["w_avg"].any()


def test_truncation(played):
    game, states, _ = played
    state, inputs = states[4], game.inputs(KEY, 3)
    state = state.replace(memory={"w_avg": jnp.arange(6.0)})
    parts = game.sample.args[0]

    @jax.jit
    def sample(psi, psi_layers):
        cut = parts._replace(psi=psi, psi_layers=psi_layers)
        return own.sample(cut, state, inputs, KEY)

    whole, none, first = sample(1.0, 4), sample(0.0, 4), sample(0.0, 2)
    np.testing.assert_allclose(none[0], none[1], atol=1e-6)
    assert (whole[0] != whole[1]).any() and (first[0] != first[1]).any()
    np.testing.assert_array_equal(whole, sample(0.3, 0))

    @jax.jit
    def drawn(z):
        w, _ = parts.mapping.apply(state.ema["mapping"], {}, z, train=False)
        own = state.ema["synthesis"], state.stats["synthesis"]
        at = growing.whole(GROWTH, 4)
        return parts.synthesis.apply(*own, latents.spread(w, SPEC.shape), *at, train=False)[0]

    np.testing.assert_allclose(whole, jnp.clip(drawn(inputs["z"]), -1, 1), atol=1e-5)


def test_styles_are_mixed_within_the_stage(played):
    game, states, _ = played
    parts, state = game.sample.args[0], states[0]
    for stage, layers in zip(GROWTH.stages, (2, 4), strict=True):
        ws, w = own.styles(parts._replace(mixing=1.0), stage, state.params, state, 3, KEY)
        assert ws.shape == (3, layers, 6)
        own_layers = np.asarray((ws == w[:, None]).all(axis=(0, 2)))
        cut = own_layers.argmin()
        assert 0 < cut < layers and own_layers[:cut].all() and not own_layers[cut:].any()
        ws, w = own.styles(parts._replace(mixing=0.0), stage, state.params, state, 3, KEY)
        np.testing.assert_array_equal(ws, latents.spread(w, (stage.res,)))


def test_the_loss_adds_up(played):
    """Non-saturating, and half of gamma 10 times the squared gradient of d on reals."""
    game, states, rows = played
    parts, stage = game.sample.args[0], GROWTH.stages[0]
    params = states[2].params | {"d": states[1].params["d"]}  # g has moved before d
    k_draw = jax.random.split(key_of(1, "d_4"))[0]
    x = jnp.asarray(BATCH["image"]).reshape(4, 4, 2, 4, 2, 1).mean(axis=(2, 4))

    @jax.jit
    def by_hand(x):
        judge = functools.partial(stages.judge, parts, stage, params, states[1])
        fakes, _ = own.draw(parts, stage, params, states[1], 4, k_draw)
        grads = jax.grad(lambda x: judge(x).sum())(x)
        cross = -jnp.log(jax.nn.sigmoid(judge(x))) - jnp.log(1 - jax.nn.sigmoid(judge(fakes)))
        return cross.mean(), 5 * (grads**2).sum(axis=(1, 2, 3)).mean()

    cross, penalty = by_hand(x)
    np.testing.assert_allclose(rows[1]["d/r1"], penalty, rtol=1e-4)
    np.testing.assert_allclose(rows[1]["d/loss"], cross + penalty, rtol=1e-4)


def test_what_does_not_fit_is_refused():
    for options, text in (
        ({"g": {"name": "progan.Generator"}}, "config.game.g: this game takes stylegan.Generator"),
        ({"d": "dcgan.Discriminator"}, "config.game.d: dcgan.Discriminator does not grow; progan"),
        ({"condition": "label"}, "config.game.condition: stylegan has no such option"),
    ):
        with pytest.raises(UserError, match=text):
            make(**options)
    with pytest.raises(UserError, match="neither labels nor conditions"):
        make().inputs(KEY, 2, {"label": np.array([1, 0])})
