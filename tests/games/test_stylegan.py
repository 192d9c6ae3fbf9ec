"""StyleGAN's game on 8x8 images and nets of a few channels."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.core.keys import named
from jaxgan.games import stylegan
from jaxgan.games.common import growing, styles
from jaxgan.nets import mapping
from jaxgan.nets.layers.growing import for_all_stages
from jaxgan.runtime.errors import UserError

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
    return named(jax.random.fold_in(named(KEY, "steps"), t), turn)


def test_the_mean_w_follows_its_recurrence(played):
    """In g's turn and then in d's, by which time g has moved."""
    game, states, _ = played
    model, w_avg = game.turns[0].loss.args[0], states[1].memory["w_avg"]
    assert w_avg.any()
    for turn, state in (("g_4", states[1]), ("d_4", states[2])):
        k_styles, _ = jax.random.split(named(key_of(1, turn), "fakes"))
        k_z = jax.random.split(k_styles, 4)[0]
        z = jax.random.normal(k_z, (4, 5))  # the first latents, not those mixed in
        w = model.mapping(state.params["mapping"], state.stats["mapping"], z, train=True)
        w_avg = 0.995 * w_avg + 0.005 * w.mean(axis=0)
    np.testing.assert_allclose(states[2].memory["w_avg"], w_avg, atol=1e-6)


def test_truncation(played):
    game, states, _ = played
    state, drawn = states[4], inputs.draw(game.inputs, KEY, 3)
    state = state.replace(memory={"w_avg": jnp.linspace(0, 1, 6)})  # larger ones: all is clipped
    model, own = game.turns[0].loss.args[0], game.sample.args[0]

    @jax.jit  # state is an argument: XLA folds constants with other rounding
    def sample(state, psi, layers):
        return styles.sample(own._replace(truncated=layers), psi, state, drawn, KEY)

    full, none, first = sample(state, 1.0, 4), sample(state, 0.0, 4), sample(state, 0.0, 2)
    np.testing.assert_allclose(none[0], none[1], atol=1e-6)
    assert (full[0] != full[1]).any() and (first[0] != first[1]).any()
    np.testing.assert_array_equal(full, sample(state, 0.3, 0))

    @jax.jit
    def by_hand(state, z):
        w = model.mapping(state.ema["mapping"], {}, z, train=False)
        synthesis = state.ema["synthesis"], state.stats["synthesis"]
        at = for_all_stages(GROWTH, 4)
        return model.synthesis(*synthesis, mapping.spread(w, 4), *at, train=False)

    np.testing.assert_allclose(full, jnp.clip(by_hand(state, drawn["z"]), -1, 1), atol=1e-5)


def test_samples_are_truncated_by_the_options_of_the_game():
    game = make(psi=0.3, psi_layers=3)
    own, psi = game.sample.args
    assert psi == 0.3 and own.truncated == game.styles.truncated == 3
    assert make(psi_layers=8).styles.truncated == game.styles.layers == 4


def test_styles_are_mixed_within_the_stage(played):
    game, states, _ = played
    state = states[0]
    for turn, layers in zip(game.turns[::2], (2, 4), strict=True):
        model = turn.loss.args[0]
        mixed = model._replace(mixing=1.0)
        ws, w_avg = stylegan.draw_ws(mixed, state.params, state, 3, KEY)
        plain, same = stylegan.draw_ws(model._replace(mixing=0.0), state.params, state, 3, KEY)
        np.testing.assert_array_equal(plain, mapping.spread(plain[:, 0], layers))
        np.testing.assert_array_equal(w_avg, same)  # the w mixed in do not count
        assert ws.shape == (3, layers, 6)
        own_layers = np.asarray((ws == plain).all(axis=(0, 2)))
        cut = own_layers.argmin()
        assert 0 < cut < layers and own_layers[:cut].all() and not own_layers[cut:].any()


def test_the_loss_adds_up(played):
    """Non-saturating, and half of gamma 10 times the squared gradient of d on reals."""
    game, states, rows = played
    model = game.turns[1].loss.args[0]
    assert model.stage == GROWTH.stages[0]
    params = states[2].params | {"d": states[1].params["d"]}  # g has moved before d
    k_draw = named(key_of(1, "d_4"), "fakes")
    x = jnp.asarray(BATCH["image"]).reshape(4, 4, 2, 4, 2, 1).mean(axis=(2, 4))

    @jax.jit
    def by_hand(x):
        judge = functools.partial(growing.judge, model, params, states[1])
        fakes, _ = stylegan.draw(model, params, states[1], 4, k_draw)
        grads = jax.grad(lambda x: judge(x).sum())(x)
        cross = -jnp.log(jax.nn.sigmoid(judge(x))) - jnp.log(1 - jax.nn.sigmoid(judge(fakes)))
        right = (judge(x) > 0).mean(), (judge(fakes) < 0).mean()
        return cross.mean(), 5 * (grads**2).sum(axis=(1, 2, 3)).mean(), right

    cross, penalty, right = by_hand(x)
    np.testing.assert_allclose(rows[1]["d/r1"], penalty, rtol=1e-4)
    np.testing.assert_allclose(rows[1]["d/loss"], cross + penalty, rtol=1e-4)
    assert (rows[1]["d/accuracy_real"], rows[1]["d/accuracy_fake"]) == right


def test_g_sees_real_images_of_its_stage_under_a_paired_loss():
    game = make(loss="relativistic_average")
    state = jax.jit(functools.partial(core.init, game))(KEY)
    turn = game.turns[0]

    @jax.jit
    def slope(batch):
        of = lambda own: turn.loss({**state.params, "mapping": own}, state, batch, KEY)[0]  # noqa: E731
        return jax.grad(of)(state.params["mapping"])["fc0"]["kernel"]

    assert (slope(BATCH) != slope({"image": BATCH["image"].clip(-0.5)})).any()


def test_unfit_nets_and_options_are_refused():
    for options, text in (
        ({"g": {"name": "progan.Generator"}}, "config.game.g: this game takes stylegan.Generator"),
        ({"d": "dcgan.Discriminator"}, "config.game.d: dcgan.Discriminator does not grow; progan"),
        ({"condition": "label"}, "config.game.condition: stylegan has no such option"),
    ):
        with pytest.raises(UserError, match=text):
            make(**options)
    with pytest.raises(UserError, match="neither labels nor conditions"):
        inputs.draw(make().inputs, KEY, 2, {"label": np.array([1, 0])})
