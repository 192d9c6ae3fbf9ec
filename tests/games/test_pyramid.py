"""Pyramids: whose parameters a stage moves, what it is given, samples, and runs of both recipes."""

import functools
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import config as configs
from jaxgan import evaluate, explore, export, sample
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.averages.moved import begins
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.games import pyramid
from jaxgan.games.common import levels
from jaxgan.generation.run import open_run
from jaxgan.nets.ops.laplacian import gaussian, resized
from jaxgan.runtime.errors import UserError
from jaxgan.training import batch_fit, dispatch, logger, workdir
from jaxgan.training.diagnostics import settled
from jaxgan.training.loop import train
from jaxgan.training.setup import prepare

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(3)
SPEC = Spec((16, 16, 1), classes=3)
SMALL = Spec((8, 8, 1), classes=3)
ADAM = {"name": "adam", "lr": 1e-3, "b1": 0.0, "b2": 0.9}
rng = np.random.default_rng(0)
BATCH = {
    "image": rng.uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32),
    "label": np.array([0, 1, 2, 1], np.int32),
}
LARGE = {**BATCH, "image": BATCH["image"].repeat(2, 1).repeat(2, 2)}
LAPGAN = {
    "g": {"name": "lapgan.Generator", "width": 3, "layers": 2, "kernel": 3},
    "d": {"name": "lapgan.Discriminator", "width": 3, "layers": 1},
    "stages": {
        "4": {
            "g": {"name": "mlp.Generator", "widths": (6,)},
            "d": {"name": "mlp.Discriminator", "widths": (6,)},
        }
    },
    "condition": "label",
    "latent": 5,
}
STACKGAN = {
    "g": {
        "name": "stackgan.Refiner",
        "width": 4,
        "halvings": 1,
        "blocks": 1,
        "norm": "Identity",
        "residual": True,
    },
    "d": {"name": "stackgan.Discriminator", "width": 4, "embedding": 4, "norm": "Identity"},
    "stages": {
        "8": {
            "g": {"name": "stackgan.Generator", "width": 4},
            "loss": "hinge",
            "regularizers": {"r1": {"every": 2}},
        }
    },
    "conditioning": {"name": "stackgan.Augmentation", "features": 3},
    "condition": "label",
    "matching_aware": True,
    "coarse": "drawn",
    "noise": False,
    "latent": 5,
}


def make(node=LAPGAN, optim=None, steps=12, growth=None, spec=SMALL, **options):
    stages = {"first": spec.shape[0] // 2, "stable": 2, "fade": 0, **(growth or {})}
    stages = plan(stages, shape=spec.shape, images=4, size=9)
    optim = optim or {"g": dict(ADAM), "d": dict(ADAM)}
    node = {"name": "pyramid", **node, "ema": 0.9, **options}
    return make_game(node, optim, spec=spec, steps=steps, growth=stages)


@pytest.fixture(scope="module")
def played():
    """LAPGAN's game of 4 and 8 pixels, its states before steps 0 to 4, and their metrics."""
    game = make()
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    states, rows = [jax.jit(functools.partial(core.init, game))(KEY)], []
    for t in range(4):
        state, row = step(states[-1], BATCH, KEY, turns=core.due(game, t))
        states, rows = [*states, state], [*rows, row]
    return game, states, rows


@pytest.fixture(scope="module")
def stacked():
    """StackGAN's game of 8 and 16 pixels and its first state."""
    game = make(STACKGAN, spec=SPEC)
    return game, jax.jit(functools.partial(core.init, game))(KEY)


def own(options):
    """LAPGAN's stages, with options of the finer one."""
    return {"stages": {**LAPGAN["stages"], "8": options}}


def differing(before, after):
    """The top keys of two trees below which a leaf differs."""
    same = jax.tree.map(lambda a, b: bool((a == b).all()), before, after)
    return {name for name, part in same.items() if not all(jax.tree.leaves(part))}


def test_a_stage_moves_its_own_players_and_nothing_else(played):
    game, states, rows = played
    assert [(turn.name, turn.span) for turn in game.turns] == [
        ("d1", (0, 2)), ("g1", (0, 2)), ("d2", (2, None)), ("g2", (2, None))
    ]  # fmt: skip
    for t, (before, after) in enumerate(zip(states, states[1:], strict=False)):
        own = {f"{role}{t // 2 + 1}" for role in "dg"}
        assert differing(before.params, after.params) == own
        assert differing(before.opt, after.opt) == own
        assert differing(before.ema, after.ema) == {f"g{t // 2 + 1}"}
        assert {name.partition("/")[0] for name in rows[t]} == own
        assert all(np.isfinite(value) for value in rows[t].values())
    assert {"g2/loss", "g2/fake", "d2/loss", "d2/real", "d2/fake"} <= rows[3].keys()
    assert dispatch.stride(game, 2, (6,), 64) == 2, "dispatches end where a stage does"


def test_samples_are_enlarged_until_a_stage_has_begun(played):
    game, states, _ = played
    model = game.sample.args[0]
    drawn = inputs.draw(game.inputs, KEY, 3)
    assert {name: rows.shape for name, rows in drawn.items()} == {
        "z": (3, 5), "z2": (3, 64), "y": (3,)
    }  # fmt: skip
    other = {**drawn, "z2": -drawn["z2"]}
    draw = jax.jit(lambda state, drawn: (game.sample(state, drawn, KEY), of_first(state, drawn)))
    of_first = functools.partial(pyramid.descend, model.levels[:1])
    (early, small), (late, _) = (draw(states[t], drawn) for t in (2, 4))
    assert small.shape == (3, 4, 4, 1)
    np.testing.assert_allclose(early, resized(small, 8), atol=1e-6)
    np.testing.assert_array_equal(early, draw(states[2], other)[0])
    assert late.shape == (3, 8, 8, 1) and abs(late).max() <= 1
    assert (late != draw(states[4], other)[0]).any(), "the finer level draws from noise of its own"


def test_the_critic_is_that_of_the_last_stage_that_has_begun(played):
    game, states, _ = played
    below, x = gaussian(jnp.asarray(BATCH["image"]), (4, 8))
    critic = jax.jit(game.critic)
    for t, level, args in (
        (2, 0, (below, BATCH["label"], None)),
        (4, 1, (x, BATCH["label"], below)),
    ):
        own = game.sample.args[0].levels[level]
        judged = own.judge(states[t].params, states[t].stats, *args, train=False)[0]
        np.testing.assert_allclose(critic(states[t], BATCH), judged, rtol=1e-4, atol=1e-6)


def test_levels_of_a_laplacian_pyramid_train_apart(played):
    """A finer stage's loss is that of real images made coarser: coarser nets do not matter."""
    game, states, _ = played
    zeros = {"g1": jax.tree.map(jnp.zeros_like, states[2].params["g1"])}
    other = states[2].replace(params=states[2].params | zeros, ema=states[2].ema | zeros)
    loss = jax.jit(lambda s: game.turns[3].loss(s.params, s, BATCH, KEY)[0])
    assert loss(states[2]) == loss(other)


def test_stages_train_together_if_asked_and_averages_count_from_a_stages_start():
    game = make(growth={"together": True})
    assert core.due(game, 0) == ("d1", "g1", "d2", "g2")
    apart, growth = make(), plan({"stable": 2, "fade": 0}, shape=(8, 8, 1), images=4, size=9)
    assert [begins(apart, net) for net in ("g1", "g2", "d2")] == [0, 2, 2]
    assert settled(apart, growth, 10) == 2 + 29, "0.9 ** 29 is below 5 %, from that start on"


def test_stage_two_takes_what_stage_one_draws_and_leaves_it_alone(stacked):
    game, state = stacked
    assert list(game.inputs) == ["z", "e1", "e2", "y"]
    assert [turn.name for turn in game.turns] == ["d1", "d1_r1", "g1", "d2", "g2"]
    assert game.players["g2"].nets == ("g2", "c2")
    turn = game.turns[-1]

    @jax.jit
    def slopes(params, state):
        of = lambda params: turn.loss(params, state, LARGE, KEY)  # noqa: E731
        (value, aux), found = jax.value_and_grad(of, has_aux=True)(params)
        return value, aux.metrics, {net: optax.tree.norm(found[net]) for net in found}

    value, metrics, norms = slopes(state.params, state)
    assert all((norms[net] == 0) == (net in ("g1", "c1", "d1")) for net in norms), norms
    other = state.replace(ema={**state.ema, "g1": jax.tree.map(jnp.ones_like, state.ema["g1"])})
    assert slopes(state.params, other)[0] != value, "stage I is drawn from, averaged"
    softplus = -jnp.log(metrics["fake"])
    assert value >= 2 * metrics["kl"] and abs(value - 2 * metrics["kl"] - softplus) < 0.01


def test_the_divergence_of_conditions_is_the_closed_form():
    mean, log_deviation = jax.random.normal(KEY, (2, 3, 4)) / 2
    mean, deviation = np.asarray(mean), np.exp(log_deviation)
    draws = mean + deviation * np.random.default_rng(0).normal(size=(50_000, 3, 4))
    gap = draws**2 / 2 - ((draws - mean) / deviation) ** 2 / 2 - log_deviation
    np.testing.assert_allclose(levels.from_standard(mean, log_deviation), gap.mean(), rtol=0.01)
    assert levels.from_standard(jnp.zeros((1, 2)), jnp.zeros((1, 2))) == 0


def test_d_rejects_other_conditions_and_a_lazy_regularizer_is_a_turn(stacked):
    game, state = stacked
    d1, lazy = game.turns[:2]
    assert lazy.every == 2 and lazy.span == d1.span == (0, 2)
    found = {
        turn.name: set(jax.eval_shape(turn.loss, state.params, state, LARGE, KEY)[1].metrics)
        for turn in game.turns
    }
    assert "mismatched" in found["d1"] & found["d2"] and not found["d1_r1"]
    assert "accuracy_real" in found["d2"] and found["g1"] == found["g2"] == {"fake", "kl"}


def test_optimizers_by_stage_fall_over_its_span():
    """Adam's first move is its rate: g2's own node, 2e-3 times config.growth.rate, from step 2."""
    falling = {**ADAM, "decay": "linear"}
    optim = {"g": falling, "d": dict(ADAM), "g2": {**falling, "lr": 2e-3}}
    game = make(optim=optim, steps=4, growth={"rate": {"8": 0.5}})
    tree = {"w": jnp.zeros(3)}
    for player, rates in {
        "g1": (1e-3, 5e-4, 0.0),
        "g2": (1e-3, 5e-4, 0.0),
        "d2": (5e-4,) * 3,
    }.items():
        tx, state = game.players[player].tx, game.players[player].tx.init(tree)
        for rate in rates:
            moves, state = tx.update({"w": jnp.ones(3)}, state, tree)
            np.testing.assert_allclose(moves["w"], -rate, rtol=1e-3, atol=1e-9)
    with pytest.raises(UserError, match="config.optim.g4: no such player"):
        make(optim={**optim, "g4": dict(ADAM)})


def test_schedules_of_a_stages_numbers_move_and_its_rate_multiplies_them():
    """Of a net that is Adam's alone; step 4 has seen 16 images, half of a cosine over 32."""
    schedule = {"cosine": (1e-3, 0.0), "images": 32}
    optim = {"g": {**ADAM, "lr": schedule}, "d": dict(ADAM)}
    loss = {"name": "least_squares", "c": schedule}
    game = make(optim=optim, growth={"rate": {"8": 0.5}}, **own({"loss": loss}))
    ones = {"w": jnp.ones(3)}

    @jax.jit
    def moved(step):
        tx = core.at(game, step).players["g2"].tx
        return tx.update(ones, tx.init(ones), ones)[0]["w"], game.now.readings(step)

    for step, rate in ((0, 1e-3), (4, 5e-4), (9, 0.0)):
        move, read = moved(jnp.int32(step))
        np.testing.assert_allclose(move, -rate / 2, rtol=1e-3, atol=1e-9)
        for key in ("optim.g.lr", "game.stages.8.loss.c"):
            np.testing.assert_allclose(read[f"schedule/{key}"], rate, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"growth": {"fade": 1}}, "config.growth.fade: .* do not fade in; set fade=0"),
        ({"growth": {"first": 8}}, "config.growth: a pyramid has several stages"),
        ({"stages": {"32": {}}}, "config.game.stages.32: this run's stages are 4, 8"),
        ({"loss": "hinje"}, "config.game.loss: no 'hinje'"),
        (own({"loss": "hinje"}), "config.game.stages.8.loss: no 'hinje'"),
        (own({"regularizers": {"r1": {"every": 0}}}), "config.game.stages.8.regularizers.r1.every"),
        ({"stages": {"4": {"width": 3}}}, "config.game.stages.4.width: objective has no such"),
        ({"stages": {}}, "config.game.g: Generator draws on a coarser image.*stages.4.g"),
        ({"g": "mlp.Generator"}, "config.game.g: Generator takes no coarser image"),
        ({"stages": {"4": {"g": "mlp.Generator"}}}, "config.game.d: Discriminator judges beside"),
        ({"stages": {"4": {"g": "lapgan.Discriminator"}}}, r"stages.4.g: .*judges images"),
        ({"condition": "", "conditioning": "Augmentation"}, "conditioning needs a condition"),
        ({"conditioning": "Condition"}, "config.game.conditioning: no 'Condition' in jaxgan.nets"),
        ({"condition": "condition"}, "the data have no vectors"),
    ],
)
def test_what_does_not_fit_is_refused(options, text):
    with pytest.raises(UserError, match=text):
        make(**options)


def test_what_compares_the_samples_of_a_batch_is_known_of_all_stages():
    """config.accumulate says it."""
    assert make().mixes == ()
    assert make(regularizers={"dragan": {}}).mixes == ("dragan",)
    assert make(**own({"loss": "relativistic_average"})).mixes == ("the loss's mean logits",)
    of_vectors = make(
        STACKGAN, spec=SPEC._replace(condition_dim=3), condition="condition", conditioning=""
    )
    assert of_vectors.mixes == ("matching_aware's vectors",)


def test_games_that_grow_refuse_a_pyramids_stages():
    width = {"channel_base": 8, "channel_max": 2}
    node = {"name": "progressive", "latent": 3}
    node |= {
        "g": {"name": "progan.Generator", **width},
        "d": {"name": "progan.Discriminator", **width},
    }
    for option in ({"factor": 4}, {"together": True}):
        growth = plan({"fade": 0, "stable": 2, **option}, shape=(16, 16, 1), images=4, size=9)
        with pytest.raises(UserError, match="factor and together are for the game pyramid"):
            make_game(node, {"g": ADAM, "d": ADAM}, spec=SPEC, steps=9, growth=growth)


def smoke(name):
    config = configs.load(f"{ROOT}/experiments/{name}:smoke")
    flags = ["log.samples=8", "log.pictures=6", "growth.stable=2"]
    if name == "lapgan.py":
        flags += ["data.name=digits", "data.res=16"]
    configs.override(config, [f"--config.{flag}" for flag in flags])
    return config.to_dict()


def test_a_schedule_of_what_must_stay_is_refused_in_the_first_stage_too():
    config = smoke("lapgan.py")
    moving = {"cosine": (0.0, 0.5), "images": 80}
    config["game"]["stages"]["8"]["loss"] = {"name": "non_saturating", "flip": moving}
    with pytest.raises(UserError, match="config.game.stages.8.loss.flip: must be known before"):
        bind(prepare, config, at="config")()


def test_every_stages_turns_are_evaluated_before_they_compile():
    """Of stages with the same batch too: their nets differ."""
    growth = plan({"stable": 2, "fade": 0}, shape=(8, 8, 1), images=4, size=9)
    found = batch_fit._played(make(), growth)
    names = [(n, [turn.name for turn in turns]) for n, turns in found]
    assert names == [(4, ["d1", "g1"]), (4, ["d2", "g2"])]


@pytest.mark.parametrize("name", ["lapgan.py", "stackgan.py"])
def test_a_run_resumes_in_a_stage_bit_for_bit_and_all_commands_take_it(
    name, tmp_path, compiled_once
):
    folder = tmp_path / "whole"
    assert train(smoke(name), folder) == 0
    shutil.copytree(folder, tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "6")  # as a kill after step 3 leaves it
    assert train(smoke(name), tmp_path / "resumed") == 0
    states = [workdir.restore(each).state for each in (tmp_path / "resumed", folder)]
    assert int(states[0].step) == 6
    jax.tree.map(np.testing.assert_array_equal, *states)
    middle = workdir.restore(folder, step=3).state
    moved = differing(middle.params, states[1].params)
    assert "g2" in moved and "g1" not in moved, "stage II trains and stage I is frozen"
    rows = logger.read(folder)
    assert "g1/loss" in rows[0] and "g2/loss" in rows[1] and rows[-1]["res"] in (16, 32)
    commands(folder, tmp_path / "out")


def commands(folder, out):
    """Samples and exports a run; with vectors also evaluates and explores it."""
    out.mkdir()
    run, flags, given = open_run(folder), [f"--workdir={folder}"], []
    if run.spec.condition_dim:
        np.save(out / "vectors.npy", run.reals(3)["condition"])
        given = [f"--conditions={out}/vectors.npy"]
        assert evaluate.main([*flags, "--n=16", "--metrics=swd"]) == 0
        assert explore.main(["walk", *flags, "--n=3", f"--out={out}/walk.png"]) == 0
    assert sample.main([*flags, *given, "--n=4", f"--out={out}/a.npz"]) == 0
    with np.load(out / "a.npz") as arrays:
        drawn = {name: arrays[name] for name in arrays}
    images, _ = drawn.pop("images"), drawn.pop("seeds")
    assert images.shape == (4, *run.spec.shape) and images.dtype == np.uint8
    assert export.main([*flags, f"--out={out}/g.jax", "--platforms=cpu"]) == 0
    program = jax.export.deserialize(bytearray((out / "g.jax").read_bytes()))
    made = np.asarray(program.call(**drawn))
    np.testing.assert_allclose((made + 1) * 127.5, images, atol=0.6)


@pytest.mark.parametrize("name", ["lapgan.py", "stackgan.py"])
def test_the_papers_sizes_build(name):
    """Every turn of the published sizes is traced, without a number computed."""
    config = configs.load(f"{ROOT}/experiments/{name}:paper").to_dict()
    side = config["data"].get("res")
    spec = Spec((side, side, 3), condition_dim=1024 if name == "stackgan.py" else 0)
    growth = plan(config["growth"], shape=spec.shape, images=config["batch"], size=1000)
    assert [stage.res for stage in growth.stages] == ([64, 256] if side == 256 else [8, 16, 32])
    game = make_game(config["game"], config["optim"], spec=spec, steps=10**5, growth=growth)
    state = jax.eval_shape(lambda: core.init(game, KEY))
    batch = {"image": jax.ShapeDtypeStruct((64, *spec.shape), np.float32)}
    if spec.condition_dim:
        batch["condition"] = jax.ShapeDtypeStruct((64, spec.condition_dim), np.float32)
    for turn in game.turns:
        loss, _ = jax.eval_shape(turn.loss, state.params, state, batch, KEY)
        assert loss.shape == ()
