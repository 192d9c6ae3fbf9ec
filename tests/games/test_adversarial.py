"""The adversarial game: any combination of its options trains or is refused, each by hand."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.games import adversarial
from jaxgan.games.common import conditions
from jaxgan.runtime.errors import UserError
from jaxgan.training.step import to_float

SPEC = Spec((16, 16, 1), classes=3, condition_dim=5)
ADAM = {"name": "adam", "lr": 1e-3, "b1": 0.5}
PER_SAMPLE = ("gradient_penalty", "dragan", "r1", "r2")


def make(spec=SPEC, g=None, d=None, **game):
    nets = {
        "g": {"name": "dcgan.Generator", "width": 2, **(g or {})},
        "d": {"name": "dcgan.Discriminator", "width": 2, **(d or {})},
    }
    return make_game(
        {"name": "adversarial", "latent": 4, **nets, **game},
        {"g": dict(ADAM), "d": dict(ADAM)},
        spec=spec,
        steps=2,
    )


BATCH = {
    "image": np.random.default_rng(0).uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32),
    "label": np.array([0, 1, 2, 1], np.int32),
    "condition": np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32),
}

SEPARABLE = ["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"]
PAIRED = ["relativistic_pairing", "relativistic_average"]
NORMS = ["Identity", "BatchNorm", "LayerNorm", "InstanceNorm", "PixelNorm"]

combinations = st.fixed_dictionaries(
    {
        "loss": st.sampled_from(SEPARABLE + PAIRED),
        "regularizers": st.dictionaries(
            st.sampled_from([*PER_SAMPLE, "drift", "spectral"]),
            st.fixed_dictionaries({"every": st.sampled_from([1, 2])}),
            max_size=2,
        ),
        "augment": st.sampled_from(["none", "diff_augment"]),
        "norm": st.sampled_from(NORMS),
        "spectral": st.booleans(),
        "condition": st.sampled_from(["", "label", "condition"]),
        "extra": st.sampled_from(["", "matching", "projection", "acgan", "infogan"]),
        "conditional_norm": st.booleans(),
        "g_batch": st.sampled_from([1, 2]),
        "joint": st.booleans(),
    }
)


def build(c):
    d = {"norm": c["norm"], "spectral": c["spectral"], "projection": c["extra"] == "projection"}
    g = {"norm": "ConditionalBatchNorm"} if c["conditional_norm"] else {}
    return make(
        g=g,
        d=d,
        loss=c["loss"],
        regularizers=c["regularizers"],
        augment=c["augment"],
        condition=c["condition"],
        matching_aware=c["extra"] == "matching",
        auxiliary=c["extra"] if c["extra"] in ("acgan", "infogan") else "",
        g_batch=c["g_batch"],
        joint=c["joint"],
        dequantize=True,
    )


def is_legal(c):
    if c["norm"] == "BatchNorm" and c["joint"]:
        return False
    if c["norm"] == "BatchNorm" and any(name in PER_SAMPLE for name in c["regularizers"]):
        return False
    if c["extra"] == "acgan" and c["condition"] != "label":
        return False
    if c["extra"] == "infogan" and c["condition"]:
        return False
    if c["conditional_norm"] and not (c["condition"] or c["extra"] == "infogan"):
        return False
    return not (c["extra"] in ("matching", "projection") and not c["condition"])


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(combinations)
def test_legal_combinations_take_two_finite_steps(c):
    assume(is_legal(c))
    game = build(c)
    turns = tuple(turn.name for turn in game.turns)
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    state = jax.jit(functools.partial(core.init, game))(jax.random.key(0))
    for _ in range(2):
        state, metrics = step(state, BATCH, jax.random.key(1), turns=turns)
    for name, value in metrics.items():
        assert np.isfinite(value), name
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state.params))


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(combinations)
def test_illegal_combinations_are_refused_before_compilation(c):
    assume(not is_legal(c))
    with pytest.raises(UserError, match="config.game"):
        build(c)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"regularizers": {"gradient_penalty": {}}}, "BatchNorm in d mixes samples"),
        ({"joint": True}, "moments of real and fake images together"),
        ({"condition": "label", "spec": Spec((16, 16, 1))}, "the data have 0 classes"),
        ({"condition": "condition", "spec": Spec((16, 16, 1))}, "conditions.npy"),
        ({"condition": "labels"}, "'', 'label' or 'condition'"),
        ({"matching_aware": True}, "needs a condition"),
        ({"auxiliary": "acgan"}, "set config.game.condition=label"),
        ({"auxiliary": "infogan", "condition": "label"}, "draws its own code"),
        ({"regularizers": {"r1": {"every": 0}}}, "at least 1"),
        ({"regularizers": {"r3": {}}}, "no 'r3' in jaxgan.losses; did you mean"),
        (
            {"g_regularizers": {"spectral": {}}},
            "g_regularizers.spectral: no 'spectral' .* orthogonal",
        ),
        (
            {"g_regularizers": {"orthogonal": {"weight": -1.0}}},
            "orthogonal.weight=-1.0: .* at least 0",
        ),
        (
            {"condition": "condition", "standing": 2},
            "config.game.standing=2: .*vectors are the data",
        ),
        ({"g": {"norm": "LayerNorm"}, "standing": 2}, "config.game.standing=2: .*no BatchNorm"),
        ({"dequantize": True, "spec": Spec((2,))}, "config.game.dequantize adds noise to gray"),
        ({"loss": {"name": "hinge", "smooth": 0.1}}, "config.game.loss.smooth"),
        ({"d": {"norm": "GroupNorm"}}, "no such normalizer"),
    ],
)
def test_refusals_give_the_reason(change, text):
    with pytest.raises(UserError, match=text):
        make(**change)


@pytest.mark.parametrize("extra", ["", "acgan", "infogan"])
def test_a_joint_pass_of_real_and_fake_images_gives_the_loss_of_two_passes(extra):
    options = {"auxiliary": extra, "condition": "" if extra == "infogan" else "label"}
    games = [make(d={"norm": "LayerNorm"}, joint=joint, **options) for joint in (False, True)]
    state = core.init(games[0], jax.random.key(0))
    apart, joint = (
        jax.jit(jax.value_and_grad(game.turns[0].loss, has_aux=True))(
            state.params, state, BATCH, jax.random.key(1)
        )
        for game in games
    )
    chex.assert_trees_all_close(apart, joint, rtol=1e-5, atol=1e-6)


def test_dequantized_images_are_levels_of_128_and_stay_within_tanhs_range():
    """sngan_projection's datasets/cifar10.py: x / 128 - 1 + U(0, 1/128)."""
    levels = np.arange(256, dtype=np.uint8)
    x = np.broadcast_to(to_float(levels)[:, None], (256, 4000))
    noisy = np.asarray(adversarial.dequantized(jnp.asarray(x), jax.random.key(0)), np.float64)
    assert noisy.min() >= -1 and noisy.max() <= 1
    within = 128 * (noisy + 1) - levels[:, None]
    assert within.min() >= 0 and within.max() <= 1
    np.testing.assert_allclose(noisy.mean(axis=1), (levels + 0.5) / 128 - 1, atol=2e-4)
    white = noisy[-1]
    assert white.min() >= 255 / 128 - 1 and 0.999 < white.max() <= 1


def penalty_turns(every):
    d = {"norm": "Identity"}
    game = make(d=d, regularizers={"gp": {"name": "r1", "gamma": 3e5, "every": every}})
    state = core.init(game, jax.random.key(0))
    return game, state


def test_a_lazy_term_is_a_turn_of_its_own_weighted_by_its_interval():
    game, state = penalty_turns(4)
    assert [t.name for t in game.turns] == ["d", "d_gp", "g"]
    assert core.due(game, 3) == ("d", "d_gp", "g") and core.due(game, 2) == ("d", "g")
    lazy = {t.name: t for t in game.turns}["d_gp"].loss
    once, _ = penalty_turns(2)
    half = {t.name: t for t in once.turns}["d_gp"].loss
    value, _ = lazy(state.params, state, BATCH, jax.random.key(5))
    np.testing.assert_allclose(
        value, 2 * half(state.params, state, BATCH, jax.random.key(5))[0], rtol=1e-6
    )


def test_adam_of_d_is_corrected_for_lazy_terms():
    """One move in 4 steps and one in 2 beside each step's own."""
    terms = {"r1": {"every": 4}, "r2": {"every": 2}, "drift": {}}
    game = make(d={"norm": "Identity"}, regularizers=terms)
    for player, c in (("d", 1 / (1 + 1 / 4 + 1 / 2)), ("g", 1.0)):
        tx = game.players[player].tx
        move, _ = tx.update(jnp.ones(()), tx.init(jnp.ones(())))
        np.testing.assert_allclose(-move, 1e-3 * c, rtol=1e-5)


def test_a_term_of_every_step_is_added_to_the_loss_of_d():
    game, state = penalty_turns(1)
    assert [t.name for t in game.turns] == ["d", "g"]
    plain = make(d={"norm": "Identity"})
    loss = lambda game: game.turns[0].loss(state.params, state, BATCH, jax.random.key(5))  # noqa: E731
    (with_term, aux), (without, _) = loss(game), loss(plain)
    lazy, _ = penalty_turns(2)
    assert aux.metrics["gp"] > 0
    np.testing.assert_allclose(with_term, without + aux.metrics["gp"], rtol=1e-6)
    np.testing.assert_allclose(
        lazy.turns[1].loss(state.params, state, BATCH, jax.random.key(5))[0],
        2 * aux.metrics["gp"],
        rtol=1e-4,  # r1 is on reals, which the turns share
    )


def test_matching_aware_averages_both_kinds_of_fake():
    game = make(condition="label", matching_aware=True, loss="wasserstein", d={"norm": "Identity"})
    state = core.init(game, jax.random.key(0))
    value, aux = game.turns[0].loss(state.params, state, BATCH, jax.random.key(5))
    expected = -aux.metrics["real"] + (aux.metrics["fake"] + aux.metrics["mismatched"]) / 2
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


def points(loss, **options):
    """A game of small dense nets on three classes of points in the plane, and its first state."""
    nets = {
        "g": {"name": "mlp.Generator", "widths": (8,), "output": "linear"},
        "d": {"name": "mlp.Discriminator", "widths": (8,)},
    }
    game = make_game(
        {"name": "adversarial", "latent": 2, "loss": loss, **nets, **options},
        {"g": ADAM, "d": ADAM},
        spec=Spec((2,), classes=3),
        steps=2,
    )
    return game, core.init(game, jax.random.key(0))


def test_fakes_may_have_labels_of_their_own():
    state, y = points("hinge", condition="label")[1], jnp.zeros(500, jnp.int32)
    found = []
    for own in (False, True):
        game, _ = points("hinge", condition="label", fresh_labels=own)
        model = game.turns[0].loss.args[0]
        _, labels, _ = adversarial.draw(model, state.params, state, y, 1000, jax.random.key(2))
        found.append(np.bincount(labels, minlength=3))
    assert found[0].tolist() == [1000, 0, 0]
    assert len(found[1]) == 3 and found[1].min() > 250, "uniform over the classes"
    with pytest.raises(UserError, match="fresh_labels draws labels: set config.game.condition"):
        points("hinge", fresh_labels=True)


POINTS, OTHERS = (  # different points of the same labels
    {
        "image": np.random.default_rng(seed).normal(size=(4, 2)).astype(np.float32),
        "label": np.array([0, 1, 2, 1], np.int32),
    }
    for seed in (0, 1)
)


def slope_of_g(game, state, batch):
    """The gradient that g's turn descends."""
    turn = {turn.name: turn for turn in game.turns}["g"]
    loss = lambda g: turn.loss({**state.params, "g": g}, state, batch, jax.random.key(5))[0]  # noqa: E731
    return jax.tree.leaves(jax.grad(loss)(state.params["g"]))


@pytest.mark.parametrize("loss", ["wasserstein", "non_saturating"])
def test_the_turn_of_g_says_how_d_that_has_moved_scores_its_samples(loss):
    """Wasserstein's mean logit is its loss but for the sign; others log a probability."""
    game, state = points(loss)
    after, row = core.step(game, state, POINTS, jax.random.key(1), turns=("d", "g"))
    turn = {turn.name: turn for turn in game.turns}["g"]
    assert row["g/fake"] != row["d/fake"], "d has moved in between"
    value, aux = turn.loss(after.params, after, POINTS, jax.random.key(5))
    if loss == "wasserstein":
        np.testing.assert_allclose(aux.metrics["fake"], -value, rtol=1e-5)
    else:
        assert 0 < aux.metrics["fake"] < 1


@pytest.mark.parametrize("loss", PAIRED)
@pytest.mark.parametrize("g_batch", [1, 2])
def test_a_relativistic_game_takes_turns_of_d_and_g(loss, g_batch):
    game, first = points(loss, g_batch=g_batch)
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    state = first
    for t in range(2):
        state, row = step(state, POINTS, jax.random.key(1), turns=core.due(game, t))
    readings = {"d/real", "d/fake", "d/accuracy_real", "d/accuracy_fake"}
    assert readings | {"d/loss", "g/loss"} <= row.keys()
    assert all(np.isfinite(value) for value in row.values())
    for net in ("g", "d"):
        kernels = [[layer["kernel"] for layer in s.params[net].values()] for s in (first, state)]
        for old, new in zip(*kernels, strict=True):
            assert (old != new).any() and np.isfinite(new).all()


@pytest.mark.parametrize(
    ("loss", "options"),
    [
        *((loss, {}) for loss in SEPARABLE + PAIRED),
        *((loss, {"g_batch": 2}) for loss in PAIRED),
        *((loss, {"condition": "label", "joint": True}) for loss in PAIRED),
    ],
)
def test_g_sees_real_samples_under_a_paired_loss_only(loss, options):
    game, state = points(loss, **options)
    slopes, others = (slope_of_g(game, state, batch) for batch in (POINTS, OTHERS))
    same = [np.array_equal(a, b) for a, b in zip(slopes, others, strict=True)]
    assert not any(same) if loss in PAIRED else all(same)


@pytest.mark.parametrize("loss", PAIRED)
def test_matching_aware_averages_both_comparisons_of_a_paired_loss(loss):
    game, state = points(loss, condition="label", matching_aware=True)
    model, compared = game.turns[0].loss.args[0], []

    def d(real, fake, key):
        compared.append((real, fake))
        return model.loss.d(real, fake, key)

    watched = model._replace(loss=model.loss._replace(d=d))
    key = jax.random.key(5)
    value, aux = adversarial.d_loss(watched, state.params, state, POINTS, key)
    (real, fake), (again, wrong) = compared
    np.testing.assert_array_equal(real, again)
    assert (fake != wrong).all() and (real != wrong).all()
    terms = [model.loss.d(*pair, key) for pair in compared]
    totals = [on_real.mean() + on_fake.mean() for on_real, on_fake in terms]
    np.testing.assert_allclose(value, np.mean(totals), rtol=1e-6)
    np.testing.assert_allclose(aux.metrics["mismatched"], wrong.mean(), rtol=1e-6)


def test_mismatched_conditions_are_never_the_samples_own():
    y = jnp.arange(300) % 3
    other = conditions.mismatched(y, 3, jax.random.key(0))
    assert (other != y).all() and set(np.asarray(other)) == {0, 1, 2}
    rows = jnp.arange(7.0)[:, None]
    for n, others in ((2, [1, 0]), (6, [1, 0, 3, 2, 5, 4]), (7, [1, 0, 3, 2, 5, 4, 0])):
        found = conditions.mismatched(rows[:n], 0, jax.random.key(0))
        np.testing.assert_array_equal(found[:, 0], others)
    with pytest.raises(UserError, match="of one image has none; set config.batch higher"):
        conditions.mismatched(rows[:1], 0, jax.random.key(0))


def test_spectral_vectors_move_once_a_step_in_the_turn_of_d_only():
    game = make(d={"norm": "Identity", "spectral": True})
    state = core.init(game, jax.random.key(0))
    u = lambda s: np.asarray(jax.tree.leaves(s.stats["d"]["spectral"])[-1])  # noqa: E731
    key = jax.random.key(1)
    after_g, _ = core.step(game, state, BATCH, key, turns=("g",))
    np.testing.assert_array_equal(u(after_g), u(state))
    after_d, _ = core.step(game, state, BATCH, key, turns=("d",))
    kernel = state.params["d"]["Conv_0"]["kernel"]
    w = np.asarray(kernel).reshape(-1, kernel.shape[-1]).T
    old = state.stats["d"]["spectral"]["Conv_0"]["u"]
    v = np.asarray(old) @ w
    once = v / np.linalg.norm(v) @ w.T
    np.testing.assert_allclose(
        after_d.stats["d"]["spectral"]["Conv_0"]["u"], once / np.linalg.norm(once), rtol=1e-4
    )
