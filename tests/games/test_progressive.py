"""Progressive growing as a game: stages, restarts, drift, and a run cut short in a fade."""

import functools
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.core.keys import named
from jaxgan.games import progressive
from jaxgan.games.common import growing
from jaxgan.losses.regularizers import drift
from jaxgan.nets.layers.growing import reals
from jaxgan.nets.ops.resize import upsample
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch, logger, workdir
from jaxgan.training.loop import train
from jaxgan.training.setup import prepare
from jaxgan.training.step import train_step

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(3)
SPEC = Spec((8, 8, 1))
ADAM = {"name": "adam", "lr": 1e-3, "b1": 0.0, "b2": 0.99}
GROWTH = plan(
    {"stable": 3, "fade": 4, "batch": {"8": 4}, "rate": {"8": 1.5}},
    shape=SPEC.shape, images=8, size=100,
)  # fmt: skip
BATCHES = {
    n: {"image": np.random.default_rng(n).uniform(-1, 1, (n, 8, 8, 1)).astype(np.float32)}
    for n in (4, 8)
}


def make(growth=GROWTH, optim=ADAM, **options):
    width = {"channel_base": 32, "channel_max": 4}
    node = {
        "name": "progressive",
        "g": {"name": "progan.Generator", **width},
        "d": {"name": "progan.Discriminator", **width},
        "latent": 5,
        "ema": 0.9,
        "regularizers": {"gradient_penalty": {}, "drift": {}},
        **options,
    }
    return make_game(node, {"g": dict(optim), "d": dict(optim)}, spec=SPEC, steps=12, growth=growth)


@pytest.fixture(scope="module")
def played():
    """A game's states before steps 0 to 9, their metrics, and how often a step was compiled."""
    game = make()
    step = jax.jit(functools.partial(core.step, game), static_argnames="turns")
    states, rows = [jax.jit(functools.partial(core.init, game))(KEY)], []
    for t in range(9):
        batch = BATCHES[GROWTH.stage(t).batch]
        state, row = step(states[-1], batch, KEY, turns=core.due(game, t))
        states, rows = [*states, state], [*rows, row]
    return game, states, rows, step._cache_size()


def moved(before, after):
    """Names of a net's layers whose parameters differ."""
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), before, after)
    return {name for name, layer in changed.items() if any(jax.tree.leaves(layer))}


def test_each_stage_has_its_turns_and_compiles_once(played):
    game, _, rows, compiled = played
    assert [(turn.name, turn.span) for turn in game.turns] == [
        ("d_4", (0, 3)), ("g_4", (0, 3)), ("d_8", (3, None)), ("g_8", (3, None))
    ]  # fmt: skip
    assert core.due(game, 2) == ("d_4", "g_4") and core.due(game, 3) == ("d_8", "g_8")
    assert compiled == 2
    assert rows[0].keys() == rows[-1].keys(), "curves continue under the same names"
    assert {"d/loss", "d/real", "d/fake", "d/drift", "d/gradient_penalty"} <= rows[0].keys()
    assert all(np.isfinite(value) for row in rows for value in row.values())


def test_layers_move_when_their_stage_has_come(played):
    _, states, _, _ = played
    fours = {"dense", "bias", "conv4_1", "rgb4"}
    eights = {"conv8_0", "conv8_1", "rgb8"}
    params = [state.params["g"] for state in states]
    assert set(params[0]) == fours | eights, "one tree holds all resolutions"
    assert moved(params[0], params[3]) == fours
    assert moved(params[3], params[4]) == fours, "at alpha 0 the new layers wait"
    assert moved(params[4], params[5]) == fours | eights
    assert moved(params[7], params[9]) == (fours | eights) - {"rgb4"}, "grown: alpha 1"


def test_adam_is_reset_at_each_stage_and_where_its_fade_ends(played):
    _, states, _, _ = played
    for player in ("g", "d"):
        counts = [int(jax.tree.leaves(state.opt[player].own)[0]) for state in states]
        assert counts == [0, 1, 2, 3, 1, 2, 3, 4, 1, 2]
        assert [int(state.opt[player].moves) for state in states] == list(range(10))
    # Adam's first move is its rate in length, whatever the gradient: 1e-3, then 1.5e-3.
    for t, rate in ((0, 1e-3), (3, 1.5e-3)):
        change = states[t + 1].params["d"]["out"]["kernel"] - states[t].params["d"]["out"]["kernel"]
        np.testing.assert_allclose(np.abs(change), rate, rtol=1e-3)


def test_samples_and_critic_follow_the_step(played):
    game, states, _, _ = played
    drawn = inputs.draw(game.inputs, KEY, 4)
    sample, critic = jax.jit(game.sample), jax.jit(game.critic)
    early, late = (sample(states[t], drawn, KEY) for t in (3, 9))
    assert early.shape == late.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(early, upsample(early[:, ::2, ::2]))
    assert (late != upsample(late[:, ::2, ::2])).any()
    assert critic(states[2], BATCHES[4]).shape == (4,)
    with pytest.raises(UserError, match="neither labels nor conditions"):
        inputs.draw(game.inputs, KEY, 2, {"label": np.array([1, 0])})


def test_drift_is_on_real_images_only(played):
    """d's loss by hand, at a stage's last step; drift weighs D(x)^2, not D(G(z))^2."""
    game, states, rows, _ = played
    real = BATCHES[8]["image"].reshape(8, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    judge = functools.partial(growing.judge, *game.turns[0].loss.args)
    scores = jax.jit(judge)(states[2].params, states[2], real)
    np.testing.assert_allclose(rows[2]["d/real"], scores.mean(), rtol=1e-5)
    np.testing.assert_allclose(rows[2]["d/drift"], 0.001 * (scores**2).mean(), rtol=1e-5)
    term = drift().term(lambda x: x, None, jnp.array([3.0]), jnp.array([1e9]), KEY)
    np.testing.assert_allclose(term, 0.009, rtol=1e-6)


def test_the_wasserstein_loss_adds_up(played):
    _, _, rows, _ = played
    for row in rows:
        parts = row["d/fake"] - row["d/real"] + row["d/gradient_penalty"] + row["d/drift"]
        np.testing.assert_allclose(row["d/loss"], parts, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["wasserstein", "relativistic_pairing"])
def test_g_sees_real_images_of_its_stage_under_a_paired_loss_only(loss):
    game = make(loss=loss, regularizers={})
    state = jax.jit(functools.partial(core.init, game))(KEY)
    turn, batch = game.turns[1], BATCHES[8]
    other = {"image": batch["image"][::-1].copy().clip(-0.5)}

    @jax.jit
    def slope(batch):
        of = lambda g: turn.loss({**state.params, "g": g}, state, batch, KEY)[0]  # noqa: E731
        return jax.value_and_grad(of)(state.params["g"])

    (value, slopes), (_, others) = slope(batch), slope(other)
    same = jax.tree.map(np.array_equal, slopes["dense"], others["dense"])
    assert all(same.values()) if loss == "wasserstein" else not any(same.values())

    @jax.jit
    def by_hand(x):
        model = turn.loss.args[0]
        fakes = progressive.draw(model, state.params, state, len(x), named(KEY, "fakes"))
        judge = functools.partial(growing.judge, model, state.params, state)
        return model.loss.g(judge(reals(x, model.stage, 0)), judge(fakes)).mean()

    np.testing.assert_allclose(value, by_hand(batch["image"]), rtol=1e-5)


def test_several_steps_a_dispatch_end_at_borders():
    game = make()
    assert dispatch.period(game, 3) == (("d_8", "g_8"),)
    assert dispatch.stride(game, 3, (12, 6), 64) == 3
    with pytest.raises(UserError, match="config.dispatch=2: must divide 3"):
        dispatch.stride(game, 2, (12, 6), 64)


def test_without_growth_the_nets_are_full_grown_from_the_first_step():
    game = make(growth=None)
    assert [turn.name for turn in game.turns] == ["d_8", "g_8"]
    params = jax.eval_shape(game.init, KEY)[0]
    assert "rgb8" in params["g"] and "rgb4" not in params["g"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"condition": "label"}, "config.game.condition: progressive has no such option"),
        ({"regularizers": {"r1": {"every": 4}}}, "regularizers.r1.every=4"),
        ({"optim": {**ADAM, "decay": "linear"}}, "neither decay"),
        ({"g": {"name": "dcgan.Generator"}}, "config.game.g: dcgan.Generator does not grow"),
    ],
)
def test_unfit_nets_and_options_are_refused(options, text):
    with pytest.raises(UserError, match=text):
        make(**options)


def test_a_game_that_does_not_grow_refuses_stages():
    config = smoke()
    config["game"] = {"name": "adversarial", "g": "mlp.Generator", "d": "mlp.Discriminator"}
    with pytest.raises(UserError, match="config.growth: the game adversarial does not grow"):
        bind(prepare, config, at="config")()


def smoke(*flags):
    config = configs.load(f"{ROOT}/experiments/progan.py:smoke")
    flags += ("--config.growth.batch.8=16", "--config.data.name=digits", "--config.log.every=3")
    flags += ("--config.log.samples=4", "--config.log.pictures=6", "--config.game.loss=hinge")
    configs.override(config, [*flags, *(f"--config.game.{n}.channel_max=4" for n in "gd")])
    config.game.regularizers = {}  # what is quicker to compile
    return config.to_dict()


def test_stopped_in_a_fade_and_resumed_is_bit_identical(tmp_path, compiled_once):
    """Steps 2 and 3 fade; the run resumes from 3, where the batch has grown."""
    assert train(smoke(), tmp_path / "whole") == 0
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    shutil.rmtree(tmp_path / "resumed" / "checkpoints" / "6")  # as a kill after step 3 leaves it
    assert train(smoke(), tmp_path / "resumed") == 0
    states = [workdir.restore(tmp_path / name).state for name in ("resumed", "whole")]
    assert int(states[0].step) == 6
    jax.tree.map(np.testing.assert_array_equal, *states)
    rows = logger.read(tmp_path / "resumed")
    assert [(row["res"], row["alpha"]) for row in rows] == [(8, 0.5), (8, 1.0)]
    assert [row["kimg"] for row in rows] == [0.032, 0.08]


def test_the_papers_resolution_builds():
    """The stages up to 1024 pixels, the last traced in training, without a number computed."""
    config = configs.load(f"{ROOT}/experiments/progan.py:paper").to_dict()
    spec = Spec((1024, 1024, 3))
    growth = plan(config["growth"], shape=spec.shape, images=config["batch"], size=30_000)
    assert growth.seen(growth.stages[-1].start) == pytest.approx(9e6, rel=1e-3)
    assert growth.batches() == [128, 128, 128, 64, 32, 16, 8, 4, 4]
    game = make_game(config["game"], config["optim"], spec=spec, steps=10, growth=growth)
    state = jax.eval_shape(lambda: core.init(game, KEY))
    last = growth.stages[-1]
    batch = {"image": jax.ShapeDtypeStruct((last.batch, *spec.shape), np.uint8)}
    step = functools.partial(train_step, game, turns=core.due(game, last.start))
    after, row = jax.eval_shape(step, state, batch, KEY)
    assert jax.tree.map(lambda x: x.shape, after) == jax.tree.map(lambda x: x.shape, state)
    assert row["d/loss"].shape == ()
