"""StyleGAN2's game on 8x8 images and nets of a few channels."""

import functools
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.augment import ada
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.keys import named
from jaxgan.games import stylegan2
from jaxgan.games.common import styles
from jaxgan.nets import mapping
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.loop import train

ROOT = Path(__file__).parents[2]
ADAM = {"name": "adam", "lr": 2e-3, "b1": 0.5, "b2": 0.99}
WIDTH = {"channel_base": 64, "channel_max": 4}
BATCH = {
    "image": np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32),
    "label": np.array([0, 1, 1, 0], np.int32),
}
KEY = jax.random.key(3)


def make(optim=ADAM, **options):
    node = {
        "name": "stylegan2",
        "g": {"name": "stylegan2.Generator", "w_dim": 6, "layers": 2, **WIDTH},
        "d": {"name": "stylegan2.Discriminator", "layers": 2, **WIDTH},
        "latent": 5,
        "ada_target": 0.6,
        **options,
    }
    return make_game(node, {"g": optim, "d": optim}, spec=Spec((8, 8, 3), 2), steps=32)


@pytest.fixture(scope="module")
def played():
    """A labeled game, its step, its states and metrics as one turn after the other is played.

    p starts at 0.5 and moves by 0.08 after one batch's share of the signs, a quarter of them all.
    """
    game = make(condition="label", ada_kimg=0.2, ada_target=0.6 / stylegan2.ADA_EVERY)
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    first = jax.jit(functools.partial(core.init, game))(KEY)
    states, metrics = [first.replace(memory=first.memory | {"ada_p": jnp.float32(0.5)})], {}
    for turn in game.turns:
        state, row = step(states[-1], BATCH, KEY, turns=(turn.name,))
        states, metrics = [*states, state], metrics | row
    return game, step, states, metrics


@pytest.fixture(scope="module")
def sample(played):
    """(psi, state, inputs) -> images."""
    own = played[0].sample.args[0]
    return jax.jit(lambda psi, *args: styles.sample(own, psi, *args, KEY))


def key_of(t, turn):
    return named(jax.random.fold_in(named(KEY, "steps"), t), turn)


def test_turns_and_their_intervals(played):
    _, _, states, metrics = played
    names = [(turn.name, turn.player, turn.every) for turn in make().turns]
    assert names == [
        ("g", "g", 1), ("g_pl", "g", 4), ("d", "d", 1), ("d_r1", "d", 16), ("ada", None, 4)
    ]  # fmt: skip
    assert all(np.isfinite(value) for value in metrics.values())
    for net in ("mapping", "synthesis", "d"):
        old, new = (jax.tree.leaves(state.params[net]) for state in (states[0], states[-1]))
        assert any((a != b).any() for a, b in zip(old, new, strict=True))
    assert [t.name for t in make(pl_weight=0.0, gamma=0.0, ada_target=0.0).turns] == ["g", "d"]


def test_the_means_follow_their_recurrences(played):
    game, _, states, metrics = played
    model = game.turns[0].loss.args[0]
    length = metrics["g_pl/length"]
    np.testing.assert_allclose(states[2].memory["pl_mean"], 0.01 * length, rtol=1e-5)
    share = metrics["d/signs"] / stylegan2.ADA_EVERY
    expected = ada.adapt(jnp.float32(0.5), share, 4, model.ada_target, model.ada_kimg)
    np.testing.assert_allclose(states[-1].memory["ada_p"], expected, rtol=1e-6)
    assert expected != 0.5 and states[-1].memory["ada_signs"] == 0


def test_w_avg_moves_in_every_pass_of_the_mapping_that_trains(played):
    """In g's, path lengths' and d's turns, in order, not in R1's (loss.py's run_G)."""
    game, step, (first, *_), _ = played
    model = game.turns[0].loss.args[0]
    last, _ = step(first, BATCH, KEY, turns=tuple(turn.name for turn in game.turns))
    g_moved, _ = step(first, BATCH, KEY, turns=("g",))
    pl_moved, _ = step(first, BATCH, KEY, turns=("g", "g_pl"))
    passes = [("g", first, 4, 3), ("g_pl", g_moved, 2, 3), ("d", pl_moved, 4, 4)]
    w_avg = np.zeros(6)
    for turn, state, n, keys in passes:
        k_z = jax.random.split(jax.random.split(key_of(0, turn), keys)[0], 4)[0]
        z = jax.random.normal(k_z, (n, 5))  # the first latents', not those mixed in
        own = state.params["mapping"], state.stats["mapping"]
        w = model.mapping(*own, z, BATCH["label"][:n], train=True)
        w_avg = 0.995 * w_avg + 0.005 * np.asarray(w).mean(axis=0)
        assert w_avg.any()
    np.testing.assert_allclose(last.memory["w_avg"], w_avg, atol=1e-6)


def test_the_path_penalty_is_that_of_the_jacobian(played):
    """Of the state that g has moved, at the turn's own draws."""
    game, _, states, metrics = played
    model, state = game.turns[0].loss.args[0], states[1]
    k_ws, k_draw, k_noise = jax.random.split(key_of(1, "g_pl"), 3)
    ws, _ = stylegan2.draw_ws(model, state.params, state, BATCH["label"][:2], 2, k_ws)
    noise = jax.random.normal(k_noise, (2, 8, 8, 3)) / 8
    draw = functools.partial(stylegan2.synthesize, model, state.params, state, key=k_draw)
    jacobian = jax.jit(jax.jacfwd(draw))(ws)  # (2, 8, 8, 3, 2, layers, 6)
    pulled = jnp.einsum("nhwc,nhwcmld->mld", noise, jacobian)
    lengths = jnp.sqrt((pulled**2).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(metrics["g_pl/length"], lengths.mean(), rtol=1e-4)
    penalty = jnp.mean((lengths - 0.01 * lengths.mean()) ** 2)
    np.testing.assert_allclose(metrics["g_pl/loss"], 4 * 2 * penalty, rtol=1e-4)


def test_mixing_and_truncation(played, sample):
    game, _, (first, *_), _ = played
    model = game.turns[0].loss.args[0]
    drawn = inputs.draw(game.inputs, KEY, 4, {"label": jnp.array([1, 0, 1, 0])})
    state = first.replace(memory=first.memory | {"w_avg": jnp.arange(6.0)})
    one, all_alike = (sample(psi, state, drawn) for psi in (1.0, 0.0))
    np.testing.assert_allclose(all_alike[0], all_alike[2], atol=1e-6)
    assert (one[0] != one[2]).any()

    def draw_ws(mixing):
        mixed = model._replace(mixing=mixing)
        return stylegan2.draw_ws(mixed, first.params, first, BATCH["label"], 4, KEY)

    plain, w_avg = draw_ws(0.0)
    np.testing.assert_array_equal(plain, mapping.spread(plain[:, 0], 4))
    np.testing.assert_allclose(w_avg, 0.005 * plain[:, 0].mean(axis=0), atol=1e-6)
    ws, mixed_avg = draw_ws(1.0)
    np.testing.assert_array_equal(mixed_avg, w_avg)  # the w mixed in do not count
    first_ones = np.asarray((ws == plain).all(axis=(0, 2)))
    cut = first_ones.argmin()
    assert 0 < cut < len(first_ones) and first_ones[:cut].all() and not first_ones[cut:].any()


@pytest.mark.parametrize("loss", ["non_saturating", "relativistic_pairing"])
def test_g_sees_real_images_under_a_paired_loss_only(loss):
    game = make(loss=loss)
    state = jax.jit(functools.partial(core.init, game))(KEY)
    turn = game.turns[0]

    @jax.jit
    def slope(batch):
        of = lambda own: turn.loss({**state.params, "mapping": own}, state, batch, KEY)[0]  # noqa: E731
        return jax.grad(of)(state.params["mapping"])["fc0"]["kernel"]

    slopes, others = (slope({"image": x}) for x in (BATCH["image"], BATCH["image"].clip(-0.5)))
    assert (slopes != 0).any()
    assert np.array_equal(slopes, others) == (loss == "non_saturating")


@pytest.mark.parametrize(
    ("options", "c_g", "c_d"),
    [
        ({}, 4 / 5, 16 / 17),
        ({"pl_weight": 0.0}, 4 / 5, 16 / 17),  # CIFAR-10's: train.py sets pl_weight alone
        ({"gamma": 0.0}, 4 / 5, 16 / 17),
        ({"pl_weight": 0.0, "pl_every": 0}, 1, 16 / 17),
        ({"pl_every": 0, "r1_every": 0}, 1, 1),
    ],
)
def test_adam_is_corrected_by_the_intervals_whatever_the_weights(options, c_g, c_d):
    """stylegan2-ada-pytorch, training_loop.py, "Lazy regularization": by the interval alone."""
    game = make({**ADAM, "lr": 2.5e-3}, **options)
    names = {turn.name for turn in game.turns}
    assert ("g_pl" in names) == (options.get("pl_weight", 2) * options.get("pl_every", 4) > 0)
    assert ("d_r1" in names) == (options.get("gamma", 10) * options.get("r1_every", 16) > 0)
    for player, c in (("g", c_g), ("d", c_d)):
        tx, w = game.players[player].tx, jnp.ones(())
        first, state = tx.update(jnp.ones(()), tx.init(w))
        second, _ = tx.update(jnp.zeros(()), state)
        b1, b2 = 0.5**c, 0.99**c
        # The moments after gradients 1 and 0, their bias corrected.
        after = b1 * (1 - b1) / (1 - b1**2) / np.sqrt(b2 * (1 - b2) / (1 - b2**2))
        np.testing.assert_allclose(-first, 2.5e-3 * c, rtol=1e-5)
        np.testing.assert_allclose(second / first, after, rtol=1e-4)
    for options, text in (
        ({"optim": {"name": "sgd", "lr": 0.1}}, "for adam only"),
        ({"pl_every": -1}, "config.game.pl_every=-1: at least 0"),
    ):
        with pytest.raises(UserError, match=text):
            make(**options)


def test_p_rises_when_d_overfits_and_falls_when_real_and_fake_are_alike():
    """Four bright images over and over; or real images that the generator itself has drawn.

    p moves at every step here, by 0.08 after one batch's share of the signs, a quarter of them all.
    """
    node = {
        "pl_weight": 0.0,
        "gamma": 0.0,
        "ada_kimg": 0.2,
        "ada_target": 0.6 / stylegan2.ADA_EVERY,
    }
    game = make(**node)
    first = jax.jit(functools.partial(core.init, game))(KEY)
    # Strongly typed, as what the step returns is: else it would compile again.
    first = first.replace(memory=first.memory | {"ada_p": jnp.float32(0.5)})
    step = jax.jit(functools.partial(core.step, game, turns=("d", "ada")))
    draw = jax.jit(lambda key: game.sample(first, inputs.draw(game.inputs, key, 4), key))
    same = np.full((4, 8, 8, 3), 0.9, np.float32)

    def end(reals):
        state = first
        for t in range(60):
            state, _ = step(state, {"image": reals(t)}, KEY)
        return float(state.memory["ada_p"])

    assert end(lambda t: same) > 0.8
    assert end(lambda t: draw(jax.random.key(100 + t))) < 0.2


def test_stopped_between_lazy_turns_and_resumed_is_bit_identical(tmp_path, compiled_once):
    """Path lengths have their turn at step 4; the run resumes from 3."""
    config = configs.load(str(ROOT / "experiments" / "stylegan2.py:smoke"))
    config.data.res = 8
    config.game.g.update({"channel_max": 4, "w_dim": 6, "layers": 2})
    config.game.d.channel_max = 4
    config.game.latent = 5
    config = config.to_dict()
    assert train(config, tmp_path / "whole") == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "6")  # as a kill after step 3 leaves it
    assert train(config, tmp_path / "resumed") == 0
    states = [workdir.restore(tmp_path / name).state for name in ("resumed", "whole")]
    assert int(states[0].step) == 6 and float(states[0].memory["pl_mean"]) > 0
    jax.tree.map(np.testing.assert_array_equal, *states)


def test_a_condition_of_vectors_is_refused():
    with pytest.raises(UserError, match="takes '' or 'label'"):
        make_game(
            {
                "name": "stylegan2",
                "g": {"name": "stylegan2.Generator"},
                "d": "stylegan2.Discriminator",
                "condition": "condition",
            },
            {"g": ADAM, "d": ADAM},
            spec=Spec((8, 8, 3), 0, 7),
            steps=1,
        )
