"""Unpaired translation: whole updates of published code, the pool, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cyclegan_names import FIXTURE, PATCH, RESNET, published

from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.games import translation
from jaxgan.games.common import pools
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
ADAM = {"name": "adam", "lr": 2e-4, "b1": 0.5, "b2": 0.999}
NODE = {
    "name": "translation",
    "g": {"name": "cyclegan.ResNetGenerator", "width": 4, "blocks": 2},
    "d": {"name": "cyclegan.PatchDiscriminator", "width": 4},
    "adversarial": 2.0,
    "cycle": 10.0,
    "identity": 5.0,
}
# The published D_A judges B.
NETS = {
    "a2b": ("G_A", RESNET),
    "b2a": ("G_B", RESNET),
    "d_b": ("D_A", PATCH),
    "d_a": ("D_B", PATCH),
}
LOSSES = (
    "adversarial_a2b",
    "adversarial_b2a",
    "cycle_a",
    "cycle_b",
    "identity_a2b",
    "identity_b2a",
)


def build(shape=(32, 32, 3), other=(32, 32, 3), **changes):
    players = ("g", "d_a", "d_b") if changes.get("critics") == 2 else ("g", "d")
    optim = dict.fromkeys(players, ADAM)
    return make_game({**NODE, **changes}, optim, spec=Spec(shape, other=other), steps=10)


def leaves(params):
    """Our parameters by their published names, in PyTorch's layout."""
    found = {}
    for net, (prefix, names) in NETS.items():
        for own, name in names.items():
            at = functools.reduce(lambda tree, part: tree[part], own.split("/"), params[net])
            axes = (2, 3, 0, 1) if own.startswith("up") else (3, 2, 0, 1)
            axes = (2, 3, 0, 1) if own.startswith("up") else (3, 2, 0, 1)
            found[f"{prefix}/{name}.weight"] = np.transpose(at["kernel"], axes)
            found[f"{prefix}/{name}.bias"] = np.asarray(at["bias"])
    return found


def weights():
    """The fixture's parameters as the game has them."""
    params = {net: published(prefix) for net, (prefix, _) in NETS.items()}
    return jax.tree.map(jnp.asarray, params)


def batch(mirrored=False):
    a, b = (jnp.moveaxis(jnp.asarray(FIXTURE[name]), 1, -1) for name in "ab")
    return (
        {"image": a[:, :, ::-1], "other": b[:, :, ::-1]} if mirrored else {"image": a, "other": b}
    )


@pytest.fixture(scope="module")
def updates():
    """The states after two updates from the fixture's parameters, and their metrics."""
    game = build()
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    state = core.init(game, KEY).replace(params=weights())
    one, first = step(state, batch(), KEY, turns=("g", "d"))
    two, second = step(one, batch(mirrored=True), KEY, turns=("g", "d"))
    return one, two, [first, second]


def cancelled(name):
    """Biases before an InstanceNorm have no gradient but rounding, which Adam turns into steps."""
    ends = ("model.19.bias", "model.11.bias", "model.0.bias")
    return name.endswith(".bias") and not name.endswith(ends)


def test_losses_of_two_updates_are_those_of_the_authors_code(updates):
    names = [*(f"g/{name}" for name in LOSSES), "d/loss_b", "d/loss_a"]
    got = [[metrics[name] for name in names] for metrics in updates[2]]
    np.testing.assert_allclose(got, FIXTURE["losses"], rtol=1e-5)


def test_gradients_of_the_first_update(updates):
    moments = updates[0].opt["g"][0].mu  # Adam's first moment is half the gradient
    got = leaves({**moments, "d_a": weights()["d_a"], "d_b": weights()["d_b"]})
    names = [name for name in FIXTURE.files if name.startswith("grad/")]
    assert len(names) == 8
    for name in names:
        want = FIXTURE[name]
        value = got[name.removeprefix("grad/")] * 2
        if cancelled(name):
            assert np.abs(value).max() < 1e-5 * np.abs(got["G_A/model.1.weight"]).max()
        else:
            scale = np.abs(want).max()
            np.testing.assert_allclose(value, want, atol=1e-4 * scale, err_msg=name)


@pytest.mark.parametrize("number", [1, 2])
def test_parameters_after_each_update(updates, number):
    got = leaves(updates[number - 1].params)
    names = [name for name in FIXTURE.files if name.startswith(f"step{number}/")]
    compared = [name for name in names if not cancelled(name)]
    assert len(compared) >= (6 if number == 1 else 36)
    for name in compared:
        np.testing.assert_allclose(got[name.split("/", 1)[1]], FIXTURE[name], rtol=0, atol=1e-5)


def test_critics_judge_the_fakes_of_generators_that_have_not_moved():
    game = build()
    state = core.init(game, KEY)
    seen = {}

    def spy(params, state, batch, key):
        seen.update({name: batch[name] for name in ("fake_a", "fake_b")})
        return turns["d"].loss(params, state, batch, key)

    turns = {turn.name: turn for turn in game.turns}
    game = game._replace(turns=(turns["g"], turns["d"]._replace(loss=spy)))
    new, _ = core.step(game, state, batch(), KEY, turns=("g", "d"))
    before = game.sample(state, {"a": batch()["image"]}, KEY)
    after = game.sample(new, {"a": batch()["image"]}, KEY)
    np.testing.assert_allclose(seen["fake_b"], before, atol=1e-6)
    assert np.abs(after - before).max() > 1e-4
    assert not set(new.memory), "what is passed on is not kept"


def test_one_player_of_both_critics_moves_as_two_players_do():
    states = []
    for critics in (1, 2):
        game = build(critics=critics)
        state = core.init(game, KEY)
        states.append(core.step(game, state, batch(), KEY, turns=core.due(game, 0))[0])
    for net in NETS:
        for a, b in zip(*(jax.tree.leaves(state.params[net]) for state in states), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-7)


def test_a_full_pool_shows_old_fakes_half_of_the_time():
    size, n = 50, 4
    held = pools.empty(size, (1,))
    query = jax.jit(pools.query)
    old = total = 0
    for t in range(300):
        fakes = jnp.arange(n * t, n * (t + 1), dtype=jnp.float32)[:, None]
        seen, held = query(held, fakes, jax.random.fold_in(KEY, t))
        if n * t < size - n:
            np.testing.assert_array_equal(seen, fakes)
        if n * t >= size:
            old += int((seen != fakes).sum())
            total += n
            assert (np.asarray(seen) <= np.asarray(fakes)).all(), "older or the same"
            assert int(held["held"]) == size
    assert abs(old / total - 0.5) < 4 * 0.5 / np.sqrt(total)
    assert len(np.unique(held["images"])) == size, "a fake that is seen leaves the pool"


def test_the_pool_is_used_and_resumed():
    game = build(pool=4)
    state = core.init(game, KEY)
    assert state.memory["pool_b"]["images"].shape == (4, 32, 32, 3)
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    for _ in range(3):
        state, _ = step(state, batch(), KEY, turns=("g", "d"))
    assert int(state.memory["pool_a"]["held"]) == 4
    assert np.abs(state.memory["pool_b"]["images"]).min(axis=(1, 2, 3)).shape == (4,)
    assert (np.abs(state.memory["pool_b"]["images"]).max(axis=(1, 2, 3)) > 0).all()


def test_strips_show_both_directions():
    game = build()
    state = core.init(game, KEY)
    strips = game.strips(state, batch(), KEY)
    assert strips.shape == (2, 6, 32, 32, 3)
    np.testing.assert_array_equal(strips[:, 0], batch()["image"])
    np.testing.assert_array_equal(strips[:, 3], batch()["other"])
    sample = game.sample(state, {"a": batch()["image"]}, KEY)
    np.testing.assert_allclose(strips[:, 1], sample, atol=1e-6)


def test_domains_may_differ_in_channels():
    game = build(shape=(32, 32, 1), identity=0.0)
    state = core.init(game, KEY)
    gray = {"image": batch()["image"][..., :1], "other": batch()["other"]}
    state, metrics = core.step(game, state, gray, KEY, turns=("g", "d"))
    assert game.sample(state, {"a": gray["image"]}, KEY).shape == (2, 32, 32, 3)
    assert game.strips(state, gray, KEY).shape == (2, 6, 32, 32, 3)
    assert "g/identity_a2b" not in metrics


def test_images_of_fewer_channels_are_shown_among_others():
    gray, colors = batch()["image"][..., :1], batch()["image"]
    np.testing.assert_array_equal(translation.in_channels(gray, 3), np.repeat(gray, 3, -1))
    for images, color in ((gray, np.repeat(gray, 3, -1)), (colors, colors)):
        shown = translation.in_channels(images, 4)
        np.testing.assert_array_equal(shown[..., :3], color)
        assert (shown[..., 3] == 1).all(), "opaque"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"other": ()}, "the data have one domain"),
        ({"shape": (32, 32, 1)}, "identity=5.0: a2b cannot map an image of B, 32x32x3"),
        ({"critics": 3}, "critics=3: known: 1, 2"),
        ({"pool": -1}, "pool=-1: at least 0"),
        ({"loss": "relativistic_pairing"}, "none here are pairs"),
        ({"reconstruction": "l3"}, "config.game.reconstruction"),
        ({"other": (30, 30, 3), "shape": (30, 30, 3)}, "multiples of 4"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(changes, text):
    with pytest.raises(UserError, match=text) as error:
        build(**changes)
    assert "\n" not in str(error.value)
