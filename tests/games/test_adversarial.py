"""Any loss x regulariser x norm x condition x augmentation: legal ones train, others do not."""

import functools
import zlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from jaxgan.core import game as core
from jaxgan.core.game import Spec
from jaxgan.games import adversarial
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import make_game

SPEC = Spec((16, 16, 1), classes=3, condition_dim=5)
NETS = {"g": "Generator", "d": "Discriminator"}
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

LOSSES = ["minimax", "non_saturating", "least_squares", "hinge", "wasserstein"]
NORMS = ["Identity", "BatchNorm", "LayerNorm", "InstanceNorm", "PixelNorm"]

combinations = st.fixed_dictionaries(
    {
        "loss": st.sampled_from(LOSSES),
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
        "reuse_fakes": st.booleans(),
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
        reuse_fakes=c["reuse_fakes"],
        dequantize=True,
    )


def is_legal(c):
    if c["norm"] == "BatchNorm" and c["joint"]:
        return False
    if c["reuse_fakes"] and c["g_batch"] > 1:
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
        ({"reuse_fakes": True, "g_batch": 2}, "d saw fewer fakes"),
        ({"joint": True}, "moments of reals and fakes together"),
        ({"condition": "label", "spec": Spec((16, 16, 1))}, "the data have 0 classes"),
        ({"condition": "condition", "spec": Spec((16, 16, 1))}, "conditions.npy"),
        ({"condition": "labels"}, "'', 'label' or 'condition'"),
        ({"matching_aware": True}, "needs a condition"),
        ({"auxiliary": "acgan"}, "set config.game.condition=label"),
        ({"auxiliary": "infogan", "condition": "label"}, "draws its own code"),
        ({"regularizers": {"r1": {"every": 0}}}, "at least 1"),
        ({"regularizers": {"r3": {}}}, "no 'r3' in jaxgan.losses.regularizers; did you mean"),
        ({"loss": {"name": "hinge", "smooth": 0.1}}, "config.game.loss.smooth"),
        ({"d": {"norm": "GroupNorm"}}, "no such normaliser"),
    ],
)
def test_refusals_say_why(change, text):
    with pytest.raises(UserError, match=text):
        make(**change)


@pytest.mark.parametrize("extra", ["", "acgan", "infogan"])
def test_a_joint_pass_gives_the_loss_of_two(extra):
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


@pytest.mark.parametrize("extra", ["", "infogan"])
def test_reused_fakes_give_the_gradient_of_drawing_them_again(extra):
    """g's turn with d's fakes is g's turn after drawing with d's key."""
    rates = {player: {"name": "sgd", "lr": 1.0} for player in "gd"}
    nets = {player: {"name": f"dcgan.{net}", "width": 2} for player, net in NETS.items()}
    games = [
        make_game(
            {"name": "adversarial", "latent": 4, **nets, "auxiliary": extra, "reuse_fakes": reuse},
            rates,
            spec=SPEC,
            steps=2,
        )
        for reuse in (True, False)
    ]
    drawing = games[1]
    key = jax.random.key(1)
    state = jax.jit(functools.partial(core.init, drawing))(jax.random.key(0))
    steps = [jax.jit(functools.partial(core.step, g), static_argnames="turns") for g in games]
    got, _ = steps[0](state, BATCH, key, turns=("d", "g"))
    moved, _ = steps[1](state, BATCH, key, turns=("d",))

    parts = drawing.turns[1].loss.args[0]
    key_of = [jax.random.fold_in(jax.random.fold_in(key, 0), zlib.crc32(t)) for t in (b"d", b"g")]
    k_draw, k_judge = jax.random.split(key_of[0], 8)[1], jax.random.split(key_of[1])[1]

    def loss(g):
        fakes, (given, _) = adversarial.draw(parts, state, None, k_draw, 4, g)
        d = moved.params["d"], moved.stats["d"]
        out, heads, _ = adversarial.judge(parts, *d, fakes, given, k_judge, False)
        value = parts.loss.g(out).mean()
        return value + parts.auxiliary.g(heads, given) if extra else value

    want = jax.tree.map(
        lambda p, g: p - g, state.params["g"], jax.jit(jax.grad(loss))(state.params["g"])
    )
    chex.assert_trees_all_close(got.params["g"], want, rtol=1e-4, atol=1e-6)
    chex.assert_trees_all_close(got.params["d"], moved.params["d"], rtol=1e-5, atol=1e-7)
    assert not jax.tree.all(jax.tree.map(np.array_equal, got.stats["g"], state.stats["g"]))


def test_reusing_fakes_saves_a_forward_pass_of_g():
    flops = {}
    for reuse in (True, False):
        game = make(g={"norm": "Identity"}, d={"norm": "Identity"}, reuse_fakes=reuse)
        state = jax.eval_shape(functools.partial(core.init, game), jax.random.key(0))
        step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
        lowered = step.lower(state, BATCH, jax.random.key(1), turns=("d", "g"))
        flops[reuse] = lowered.compile().cost_analysis()["flops"]
    z = jax.ShapeDtypeStruct((4, 4), jnp.float32)
    g = game.turns[1].loss.args[0].g
    draw = jax.jit(lambda params, z: g.apply(params, {}, z, None, train=True)[0])
    forward = draw.lower(state.params["g"], z).compile().cost_analysis()["flops"]
    assert flops[False] - flops[True] > 0.9 * forward


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


def test_interval_one_is_not_lazy():
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


def test_matching_aware_halves_both_kinds_of_fake():
    game = make(condition="label", matching_aware=True, loss="wasserstein", d={"norm": "Identity"})
    state = core.init(game, jax.random.key(0))
    value, aux = game.turns[0].loss(state.params, state, BATCH, jax.random.key(5))
    expected = -aux.metrics["real"] + (aux.metrics["fake"] + aux.metrics["mismatched"]) / 2
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-7)


def test_mismatched_labels_are_never_right():
    from jaxgan.games.common.build import mismatched

    y = jnp.arange(300) % 3
    other = mismatched(y, 3, jax.random.key(0))
    assert (other != y).all() and set(np.asarray(other)) == {0, 1, 2}
    rows = jnp.arange(8.0)[:, None]
    assert (mismatched(rows, 0, jax.random.key(0)) != rows).all()


def test_spectral_vectors_move_once_a_step_and_by_ds_turn_only():
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
