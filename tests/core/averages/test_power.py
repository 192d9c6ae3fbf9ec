"""Power-function averages: their profile, its width, and others combined of stored ones."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core import game as core
from jaxgan.core.averages import ema, kept, power
from jaxgan.core.averages.power import Power, Profile
from jaxgan.core.game import Aux, Game, Player, Turn
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize(("width", "gamma"), [(0.05, 16.97), (0.10, 6.94)])
def test_exponents_are_those_of_the_paper(width, gamma):
    """Karras et al. 2024, section 3.1: sigma_rel 0.05 and 0.10 are gamma 16.97 and 6.94."""
    np.testing.assert_allclose(power.exponent(width), gamma, atol=5e-3)


@pytest.mark.parametrize("width", [0.03, 0.1, 0.25])
def test_the_profile_of_all_updates_is_a_power_function_of_the_width(width):
    """Of one-hot parameters the average holds the weight of each update."""
    n, gamma = 200, power.exponent(width)
    move = jax.jit(lambda new, old, t: ema.average(new, old, Power(width), t, 1))
    found = jnp.zeros(n)
    for t in range(n):
        found = move(jnp.eye(n)[t], found, jnp.int32(t))
    edges = (np.arange(n + 1) / n) ** (gamma + 1)
    np.testing.assert_allclose(found, np.diff(edges), atol=1e-6)
    at = (np.arange(n) + 0.5) / n
    mean = (found * at).sum()
    np.testing.assert_allclose(np.sqrt((found * (at - mean) ** 2).sum()), width, rtol=1e-2)


def test_late_updates_keep_their_share_in_float32():
    t = 3_000_000
    want = -np.expm1((power.exponent(0.05) + 1) * np.log1p(-1.0 / (t + 1)))
    np.testing.assert_allclose(Power(0.05).share(jnp.int32(t)), want, rtol=1e-5)
    assert ema.decay(Power(0.05), jnp.int32(0), 1) == 0, "initial weights are forgotten at once"
    assert ema.warmed(Power(0.05)) == Power(0.05) and ema.forgotten(Power(0.05), 8, 100) == 0


def test_inner_products_are_integrals():
    s = (np.arange(200_000) + 0.5) / 200_000 * 40
    for a, b in ((Profile(3.0, 40), Profile(9.0, 30)), (Profile(5.5, 20), Profile(5.5, 20))):
        values = [
            (p.gamma + 1) / p.updates * np.where(s < p.updates, s / p.updates, 0) ** p.gamma
            for p in (a, b)
        ]
        want = (values[0] * values[1]).sum() * 40 / 200_000
        np.testing.assert_allclose([power.inner(a, b), power.inner(b, a)], want, rtol=1e-4)


def walk(n, seed=0):
    """Parameters (n, 8) after each update: noise around a path, as training has it."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, n)[:, None]
    path = np.sin(3 * t + np.arange(8)) + np.cumsum(rng.normal(size=(n, 8)), axis=0) / np.sqrt(n)
    return (path + 0.3 * rng.normal(size=(n, 8))).astype(np.float64)


def averages(params, width, until):
    """The average of the first `until` parameters."""
    weights = np.diff((np.arange(until + 1) / until) ** (power.exponent(width) + 1))
    return weights @ params[:until]


@pytest.mark.parametrize("width", [0.07, 0.13, 0.2])
def test_a_third_width_is_combined_of_two_at_sixteen_times_to_one_percent(width):
    params, times = walk(800), range(50, 801, 50)
    given = [
        (Profile(power.exponent(w), t), averages(params, w, t)) for t in times for w in (0.05, 0.1)
    ]
    found, missed = power.combine([p for p, _ in given], Profile(power.exponent(width), 800))
    got, want = found @ np.stack([x for _, x in given]), averages(params, width, 800)
    scale = np.linalg.norm(params.std(axis=0))
    assert missed < 0.05 and np.linalg.norm(got - want) < 0.01 * scale, missed
    np.testing.assert_allclose(found.sum(), 1, rtol=1e-9)
    plain = min(np.linalg.norm(x - want) for _, x in given)
    assert np.linalg.norm(got - want) < plain / 3, "nearer than any of those that were kept"


def test_what_is_kept_is_found_exactly_and_what_is_far_is_told():
    given = [Profile(power.exponent(w), 500) for w in (0.05, 0.1)]
    found, missed = power.combine(given, given[1])
    np.testing.assert_allclose(found, [0, 1], atol=1e-6)
    assert missed < 1e-5
    assert power.combine(given, Profile(power.exponent(0.28), 500))[1] > 0.2


def game():
    """G's parameter is the number of its moves; it moves on every second step."""
    turn = Turn("g", "g", lambda params, state, batch, key: (-params["g"], Aux()), every=2)
    made = Game(
        init=lambda key: ({"g": jnp.zeros(())}, {}, {}),
        players={"g": Player(("g",), optax.sgd(1.0))},
        turns=(turn,), inputs={}, sample=None, critic=None, ema={"g": 0.5},
    )  # fmt: skip
    return kept.widened(kept.warming(made), (0.05, 0.1))


def test_a_game_keeps_them_beside_its_own_average_by_its_moves():
    built = game()
    assert list(built.ema) == ["g", "g@0.05", "g@0.1"]
    step = jax.jit(functools.partial(core.step, built), static_argnames="turns")
    state = core.init(built, jax.random.key(0))
    for t in range(20):
        batch = {"image": jnp.zeros((2, 1))}
        state, _ = step(state, batch, jax.random.key(0), turns=core.due(built, t))
    moves = np.arange(1.0, 11.0)[:, None]
    for width in (0.05, 0.1):
        np.testing.assert_allclose(
            state.ema[power.named("g", width)], averages(moves, width, 10)[0], rtol=1e-5
        )
    assert list(power.plain(state.ema)) == ["g"]


def test_a_game_without_averages_is_refused_and_without_widths_unchanged():
    plain = game()._replace(ema={})
    with pytest.raises(
        UserError, match="config.ema_widths=.*keeps no averages; set config.game.ema"
    ):
        kept.widened(plain, (0.05,))
    assert kept.widened(plain, ()) == plain
