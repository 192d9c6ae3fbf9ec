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
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.games import pyramid
from jaxgan.games.common import levels
from jaxgan.generation.run import open_run
from jaxgan.nets.ops.laplacian import gaussian, resized
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch, logger, workdir
from jaxgan.training.diagnostics import settled
from jaxgan.training.loop import train

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(3)
SPEC = Spec((16, 16, 1), classes=3)
SMALL = Spec((8, 8, 1), classes=3)
ADAM = {"name": "adam", "lr": 1e-3, "b1": 0.0, "b2": 0.9}
rng = np.random.default_rng(0)
BATCH = {
    "image": rng.uniform(-1, 1, (4, 16, 16, 1)).astype(np.float32),
    "label": np.array([0, 1, 2, 1], np.int32),
}
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
    "g": {"name": "stackgan.Refiner", "width": 4, "halvings": 1, "blocks": 1, "norm": "Identity"},
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


def make(node=LAPGAN, optim=None, steps=12, growth=None, **options):
    first = 4 if node is LAPGAN else 8
    stages = {"first": first, "stable": 2, "fade": 0, **(growth or {})}
    stages = plan(stages, shape=SPEC.shape, images=4, size=9)
    optim = optim or {"g": dict(ADAM), "d": dict(ADAM)}
    node = {"name": "pyramid", **node, "ema": 0.9, **options}
    return make_game(node, optim, spec=SPEC, steps=steps, growth=stages)


@pytest.fixture(scope="module")
def played():
    """LAPGAN's game of 4, 8 and 16 pixels, its states before steps 0 to 6, and their metrics."""
    game = make()
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    states, rows = [jax.jit(functools.partial(core.init, game))(KEY)], []
    for t in range(6):
        state, row = step(states[-1], BATCH, KEY, turns=core.due(game, t))
        states, rows = [*states, state], [*rows, row]
    return game, states, rows


@pytest.fixture(scope="module")
def stacked():
    """StackGAN's game of 8 and 16 pixels and its first state."""
    game = make(STACKGAN)
    return game, jax.jit(functools.partial(core.init, game))(KEY)


def differing(before, after):
    """The top keys of two trees below which a leaf differs."""
    same = jax.tree.map(lambda a, b: bool((a == b).all()), before, after)
    return {name for name, part in same.items() if not all(jax.tree.leaves(part))}


def test_a_stage_moves_its_own_players_and_nothing_else(played):
    game, states, rows = played
    assert [(turn.name, turn.span) for turn in game.turns] == [
        ("d1", (0, 2)), ("g1", (0, 2)), ("d2", (2, 4)), ("g2", (2, 4)),
        ("d3", (4, None)), ("g3", (4, None)),
    ]  # fmt: skip
    for t, (before, after) in enumerate(zip(states, states[1:], strict=False)):
        own = {f"{role}{t // 2 + 1}" for role in "dg"}
        assert differing(before.params, after.params) == own
        assert differing(before.opt, after.opt) == own
        assert differing(before.ema, after.ema) == {f"g{t // 2 + 1}"}
        assert {name.partition("/")[0] for name in rows[t]} == own
        assert all(np.isfinite(value) for value in rows[t].values())
    assert {"g3/loss", "g3/fake", "d3/loss", "d3/real", "d3/fake"} <= rows[5].keys()
    assert dispatch.stride(game, 2, (6,), 64) == 2, "dispatches end where a stage does"


def test_samples_are_enlarged_from_the_last_stage_that_has_begun(played):
    game, states, _ = played
    drawn = inputs.draw(game.inputs, KEY, 3)
    assert {name: rows.shape for name, rows in drawn.items()} == {
        "z": (3, 5), "z2": (3, 64), "z3": (3, 256), "y": (3,)
    }  # fmt: skip
    draw, critic = jax.jit(game.sample), jax.jit(game.critic)
    images = [draw(state, drawn, KEY) for state in states]
    model = game.sample.args[0]
    for t, side in ((2, 4), (4, 8)):
        level = model.levels[t // 2 - 1]
        part = pyramid.descend(model.levels[: level.number], states[t], drawn)
        assert part.shape == (3, side, side, 1)
        np.testing.assert_allclose(images[t], resized_by_two(part), atol=1e-5)
    assert images[6].shape == (3, 16, 16, 1) and abs(images[6]).max() <= 1
    other = {**drawn, "z3": -drawn["z3"]}
    assert (draw(states[6], other, KEY) != images[6]).any()
    np.testing.assert_array_equal(draw(states[4], other, KEY), images[4])
    judged = critic(states[4], BATCH)
    level, state, y = model.levels[1], states[4], BATCH["label"]
    x, below = gaussian(jnp.asarray(BATCH["image"]), (4, 8, 16))[1::-1]
    own = level.judge(state.params, state.stats, x, y, below, train=False)[0]
    np.testing.assert_allclose(judged, own, rtol=1e-4, atol=1e-6)


def resized_by_two(images):
    while images.shape[1] < 16:
        images = resized(images, 2 * images.shape[1])
    return images


def test_levels_of_a_laplacian_pyramid_train_apart(played):
    """A finer stage's loss is that of real images made coarser: coarser nets do not matter."""
    game, states, _ = played
    turns = {turn.name: turn for turn in game.turns}
    state = states[4]
    zeros = {net: jax.tree.map(jnp.zeros_like, state.params[net]) for net in ("g1", "g2")}
    other = state.replace(params={**state.params, **zeros}, ema={**state.ema, **zeros})
    for name in ("d3", "g3"):
        loss = jax.jit(lambda s, name=name: turns[name].loss(s.params, s, BATCH, KEY)[0])
        assert loss(state) == loss(other)


def test_levels_that_train_together_and_averages_count_from_a_stages_start():
    game = make(growth={"together": True})
    assert core.due(game, 0) == ("d1", "g1", "d2", "g2", "d3", "g3")
    apart, growth = make(), plan({"stable": 2, "fade": 0}, shape=(16, 16, 1), images=4, size=9)
    assert [core.begins(apart, net) for net in ("g1", "g2", "d3")] == [0, 2, 4]
    assert settled(apart, growth, 100) == 4 + 29, "0.9 ** 29 is below 5 %, from the last start on"


def test_stage_two_takes_what_stage_one_draws_and_leaves_it_alone(stacked):
    game, state = stacked
    assert list(game.inputs) == ["z", "e1", "e2", "y"]
    assert [turn.name for turn in game.turns] == ["d1", "d1_r1", "g1", "d2", "g2"]
    assert game.players["g2"].nets == ("g2", "c2")
    turn = game.turns[-1]

    @jax.jit
    def slopes(params, state):
        of = lambda params: turn.loss(params, state, BATCH, KEY)  # noqa: E731
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
    draws = mean + jnp.exp(log_deviation) * jax.random.normal(KEY, (200_000, 3, 4))
    normal = lambda x, m, s: -0.5 * ((x - m) / s) ** 2 - jnp.log(s)  # noqa: E731
    gap = normal(draws, mean, jnp.exp(log_deviation)) - normal(draws, 0.0, 1.0)
    np.testing.assert_allclose(levels.from_standard(mean, log_deviation), gap.mean(), rtol=0.01)
    assert levels.from_standard(jnp.zeros((1, 2)), jnp.zeros((1, 2))) == 0


def test_d_rejects_other_conditions_and_a_lazy_regularizer_is_a_turn(stacked):
    game, state = stacked
    d1, lazy, d2 = game.turns[0], game.turns[1], game.turns[3]
    assert lazy.every == 2 and lazy.span == d1.span == (0, 2)
    found = {}
    for turn in (d1, lazy, d2):
        loss = jax.jit(lambda params, turn=turn: turn.loss(params, state, BATCH, KEY))
        value, aux = loss(state.params)
        assert value > 0
        found[turn.name] = aux.metrics
    assert "mismatched" in found["d1"] and "mismatched" in found["d2"]
    assert 0 < found["d2"]["mismatched"] < 1, "a probability"
    assert found["d1_r1"] == {}


def test_optimizers_by_stage_fall_over_its_span():
    """Adam's first move is its rate: g2's own node, 2e-3 times config.growth.rate, from step 2."""
    falling = {**ADAM, "decay": "linear"}
    optim = {"g": falling, "d": dict(ADAM), "g2": {**falling, "lr": 2e-3}}
    game = make(optim=optim, growth={"rate": {"8": 0.5}})
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


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"growth": {"fade": 1}}, "config.growth.fade: .* do not fade in; set fade=0"),
        ({"growth": {"first": 16}}, "config.growth: a pyramid has several stages"),
        ({"stages": {"32": {}}}, "config.game.stages.32: this run's stages are 4, 8, 16"),
        ({"stages": {"8": {"width": 3}}}, "config.game.stages.8.width: objective has no such"),
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
    flags = ["log.samples=4", "log.pictures=6", "growth.stable=2", "batch=4"]
    if name == "lapgan.py":
        flags += ["data.name=digits", "data.res=16"]
    configs.override(config, [f"--config.{flag}" for flag in flags])
    return config.to_dict()


@pytest.fixture(scope="module", params=["lapgan.py", "stackgan.py"])
def ran(request, tmp_path_factory):
    """The folders of a run of both recipes, and of its resumption from the middle of a stage."""
    place = tmp_path_factory.mktemp("runs")
    assert train(smoke(request.param), place / "whole") == 0
    shutil.copytree(place / "whole", place / "resumed")
    shutil.rmtree(place / "resumed" / "checkpoints" / "6")  # as a kill after step 3 leaves it
    assert train(smoke(request.param), place / "resumed") == 0
    return place


def test_resumed_in_the_middle_of_a_stage_it_is_bit_identical(ran):
    states = [workdir.restore(ran / name).state for name in ("resumed", "whole")]
    assert int(states[0].step) == 6
    jax.tree.map(np.testing.assert_array_equal, *states)
    middle = workdir.restore(ran / "whole", step=3).state
    assert differing(middle.params, states[1].params) >= {"g2", "d2"}
    assert not differing({"g1": middle.params["g1"]}, {"g1": states[1].params["g1"]}), "frozen"
    rows = logger.read(ran / "whole")
    assert "g1/loss" in rows[0] and "g2/loss" in rows[1] and rows[-1]["res"] in (16, 32)


def test_a_run_samples_evaluates_is_explored_and_exported(ran):
    folder, out = ran / "whole", ran / "out"
    out.mkdir()
    run = open_run(folder)
    run_flags = [f"--workdir={folder}", "--n=4"]
    given = []
    if run.spec.condition_dim:
        np.save(out / "vectors.npy", run.reals(3)["condition"])
        given = [f"--conditions={out}/vectors.npy"]
    assert sample.main([*run_flags, *given, f"--out={out}/a.npz"]) == 0
    with np.load(out / "a.npz") as arrays:
        images, latents = (
            arrays["images"],
            {k: arrays[k] for k in arrays if k not in ("images", "seeds")},
        )
    assert images.shape == (4, *run.spec.shape) and images.dtype == np.uint8
    assert sample.main([f"--workdir={folder}", f"--latents={out}/a.npz", f"--out={out}/b.npz"]) == 0
    with np.load(out / "b.npz") as arrays:
        np.testing.assert_array_equal(arrays["images"], images)
    assert sample.main([*run_flags, "--step=3", f"--out={out}/early.png"]) == 0
    assert evaluate.main([f"--workdir={folder}", "--n=16", "--metrics=swd"]) == 0
    assert explore.main(["walk", f"--workdir={folder}", "--n=3", f"--out={out}/walk.png"]) == 0
    assert export.main([f"--workdir={folder}", f"--out={out}/g.jax", "--platforms=cpu"]) == 0
    program = jax.export.deserialize(bytearray((out / "g.jax").read_bytes()))
    made = np.asarray(program.call(**latents))
    np.testing.assert_allclose((made + 1) * 127.5, images, atol=0.6)
    assert export.main([f"--workdir={folder}", f"--out={out}/g.npz"]) == 0
    with np.load(out / "g.npz") as arrays:
        assert {name.split("/")[1] for name in arrays if name.startswith("ema")} >= {"g1", "g2"}
