"""Averages by hand: a constant decay, half-lives in images, and their ramp-up."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import game as core
from jaxgan.core.averages import ema
from jaxgan.core.game import Aux, Game, Player, Turn
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize(
    ("given", "batch", "expected"),
    [
        (0.998, 64, 0.998),
        ("0.998", 64, 0.998),  # as a flag gives it where the preset has a half-life
        ("10kimg", 256, 0.5 ** (256 / 10_000)),  # StyleGAN's G_smoothing_kimg
        ("10kimg", 32, 0.9977843871),  # StyleGAN2's, batch size 32
        ("2.5 kimg", 100, 0.5**0.04),
    ],
)
def test_a_half_life_gives_the_decay_of_its_batch(given, batch, expected):
    np.testing.assert_allclose(
        ema.decay(ema.parse(given), jnp.int32(7), batch), expected, rtol=1e-8
    )


@pytest.mark.parametrize(("given", "most"), [(0.998, 0.998), ("10kimg", 0.5 ** (64 / 10_000))])
def test_a_warm_up_approaches_the_decay_from_below(given, most):
    """As tf.train.ExponentialMovingAverage with num_updates; the decay is reached for good."""
    warm = ema.warmed(ema.parse(given))
    for t in (0, 1, 5, 90, 4489, 10**6):
        want = min(most, (1 + t) / (10 + t))
        np.testing.assert_allclose(ema.decay(warm, jnp.int32(t), 64), want, rtol=1e-6)
    assert ema.decay(warm, jnp.int32(20), 64, jnp.int32(4)) == np.float32(5 / 14), "of its updates"
    assert ema.warmed(warm) == warm and ema.warmed(ema.parse("1kimg", 0.1)).rampup == 0.1


@pytest.mark.parametrize("start", [0, 3, 100, 20_000])
def test_a_warm_up_forgets_the_first_parameters_soon(start):
    warm, left = ema.warmed(0.999), 1.0
    after = ema.forgotten(warm, 32, start)
    for t in range(start, start + after):
        assert left >= 0.05
        left *= float(ema.decay(warm, jnp.int32(t), 32))
    assert left < 0.05 and (after <= 2 or start)
    assert start < 20_000 or after == ema.forgotten(0.999, 32), "late in a run it is the decay's"


def test_an_average_of_a_net_that_moves_seldom_warms_up_by_its_moves():
    turn = Turn("g", "g", lambda params, state, batch, key: (-params["g"], Aux()), every=3)
    game = Game(
        init=lambda key: ({"g": jnp.zeros(())}, {}, {}),
        players={"g": Player(("g",), optax.sgd(1.0))},
        turns=(turn,), inputs={}, sample=None, critic=None,
        ema={"g": ema.warmed(0.9)},
    )  # fmt: skip
    state, want = core.init(game, jax.random.key(0)), 0.0
    for t in range(12):
        batch = {"image": jnp.zeros((2, 1))}
        state, _ = core.step(game, state, batch, jax.random.key(0), turns=core.due(game, t))
        if t % 3 == 2:
            moves = t // 3
            beta = min(0.9, (1 + moves) / (10 + moves))
            want = beta * want + (1 - beta) * (moves + 1)
        np.testing.assert_allclose(state.ema["g"], want, rtol=1e-6)


@pytest.mark.parametrize(("given", "rampup"), [(0.0, 0), (0.99, 0), ("1kimg", 0), ("1kimg", 0.05)])
def test_the_first_parameters_are_forgotten_after_so_many_steps(given, rampup):
    averaged = ema.parse(given, rampup)
    left, after = 1.0, ema.forgotten(averaged, 32)
    for step in range(after):
        assert left >= 0.05
        left *= float(ema.decay(averaged, jnp.int32(step), 32))
    assert left < 0.05 or after == 0


def test_a_ramped_half_life_is_a_share_of_the_images_seen():
    """stylegan2-ada-pytorch: min(ema_kimg * 1000, cur_nimg * 0.05); all is new at the start."""
    ramped = ema.parse("500kimg", 0.05)
    for step, images in ((0, 1e-8), (1, 3.2), (1000, 3200), (10**6, 500_000)):
        found = ema.decay(ramped, jnp.int32(step), 64)
        np.testing.assert_allclose(found, 0.5 ** (64 / images), rtol=1e-5)


def test_a_step_averages_by_its_own_batch():
    """Parameters rise by 1 a step; batches of 8, then of 2."""
    turn = Turn("g", "g", lambda params, state, batch, key: (-params["g"], Aux()))
    game = Game(
        init=lambda key: ({"g": jnp.zeros(())}, {}, {}),
        players={"g": Player(("g",), optax.sgd(1.0))},
        turns=(turn,), inputs={}, sample=None, critic=None,
        ema={"g": ema.parse("0.01kimg")},
    )  # fmt: skip
    step = jax.jit(functools.partial(core.step, game, turns=("g",)))
    state, want = core.init(game, jax.random.key(0)), 0.0
    for t, n in enumerate((8, 8, 2, 2)):
        state, _ = step(state, {"image": jnp.zeros((n, 1))}, jax.random.key(0))
        beta = 0.5 ** (n / 10)
        want = beta * want + (1 - beta) * (t + 1)
        np.testing.assert_allclose(state.ema["g"], want, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("10epochs",), "config.game.ema='10epochs': a decay in .* or a half-life as '10kimg'"),
        (("0kimg",), "config.game.ema='0kimg'"),
        ((1.0,), "config.game.ema=1.0"),
        (("1.0",), "config.game.ema='1.0'"),
        ((True,), "config.game.ema=True"),
        ((0.999, 0.05), "config.game.ema_rampup=0.05: for a half-life only"),
        (("10kimg", -1.0), "config.game.ema_rampup=-1.0"),
    ],
)
def test_other_averages_are_refused(given, text):
    with pytest.raises(UserError, match=text):
        ema.parse(*given)
