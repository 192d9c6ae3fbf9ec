"""What samples are drawn of: truncated latents, standing statistics, averages of any width."""

from functools import partial
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan
from jaxgan import config as configs
from jaxgan import evaluate, sample
from jaxgan.core import game as core
from jaxgan.core.averages.kept import widened
from jaxgan.core.averages.moved import updates
from jaxgan.core.averages.power import exponent, named
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Aux, Game, Player, Spec, State, Turn
from jaxgan.core.inputs import Label, Noise, Vector, draw
from jaxgan.core.network import pure
from jaxgan.games.common import standing as built
from jaxgan.generation.chosen import Choice, _coefficients, taken
from jaxgan.generation.standing import standing
from jaxgan.generation.truncation import resampled
from jaxgan.nets.layers.norms import BatchNorm
from jaxgan.runtime.errors import UserError
from jaxgan.training import loop
from jaxgan.training.workdir import Restored, restore, states

ROOT = Path(__file__).parents[2]
KEY = jax.random.key(0)


class Net(nn.Module):
    """z (N, 2) -> 3 z_0, normalized by its moments."""

    @nn.compact
    def __call__(self, z, y=None, *, train):
        del y
        scale = self.param("scale", nn.initializers.ones, ())
        return BatchNorm(affine=False, epsilon=0.0)(3 * scale * z[:, :1] + 1, train)


@pytest.fixture(scope="module")
def normed():
    """A game of that net, and its state: moments of 0 and 1, an average of twice the scale."""
    net = pure(Net())
    params, stats = net.init(KEY, jnp.zeros((1, 2)))
    game = Game(
        init=None, players={}, turns=(), inputs={"z": Noise(2)}, critic=None, ema={"g": 0.9},
        sample=lambda state, drawn, key: net(
            {**state.params, **state.ema}["g"], state.stats["g"], drawn["z"], train=False
        ),
        standing=built.build(net, "g", 16, ""),
    )  # fmt: skip
    ema = jax.tree.map(lambda x: 2 * x, params)
    state = State(jnp.int32(1), {"g": params}, {"g": stats}, {}, {}, {"g": ema})
    return Restored(None, game, state)


@pytest.mark.parametrize(
    ("choice", "scale", "var"),
    [
        (Choice(), 6, 1.0),
        (Choice("last"), 3, 1.0),
        (Choice(truncation=0.5), 6, 0.0807),  # of N(0, 1) within half a standard deviation
    ],
    ids=["averaged", "last", "truncated"],
)
def test_standing_statistics_are_those_of_what_is_drawn(normed, choice, scale, var):
    game, state = taken(normed, choice, Path())
    moments = state.stats["g"]["batch_stats"]["BatchNorm_0"]["BatchNorm_0"]
    np.testing.assert_allclose(moments["var"], scale**2 * var, rtol=0.1)
    np.testing.assert_allclose(moments["mean"], 1, atol=0.5)
    images = jax.jit(game.sample)(state, draw(game.inputs, KEY, 4000), KEY)
    np.testing.assert_allclose([images.mean(), images.std()], [0, 1], atol=0.1)


def test_the_variance_is_that_of_all_batches_not_the_mean_of_theirs(normed):
    """Batches of constants, 0, 1, 2 …: their own variance is 0."""

    def moments(state, drawn, key):
        mean = jax.random.randint(key, (1,), 0, 50).astype(jnp.float32)
        return {"g": {"batch_stats": {"n": {"mean": mean, "var": jnp.zeros(1)}}}}

    game = normed.game._replace(standing=normed.game.standing._replace(moments=moments))
    found = standing(game, normed.state).stats["g"]["batch_stats"]["n"]
    assert 50 < found["var"][0] < 50**2 / 4 and 5 < found["mean"][0] < 45


def test_standing_statistics_are_of_all_classes(normed):
    """Of more than a batch has rows; the same each time."""

    def moments(state, drawn, key):
        y = drawn["y"].astype(jnp.float32)[:, None]
        return {"g": {"batch_stats": {"n": {"mean": y.mean(0), "var": y.var(0)}}}}

    made = normed.game.standing._replace(moments=moments)
    game = normed.game._replace(standing=made, inputs={"z": Noise(2), "y": Label(1000)})
    found = standing(game, normed.state).stats["g"]["batch_stats"]["n"]
    np.testing.assert_allclose(found["mean"], 499.5, atol=40)
    np.testing.assert_allclose(found["var"] ** 0.5, 1000 / 12**0.5, atol=20)
    again = standing(game, normed.state).stats["g"]["batch_stats"]["n"]
    assert (again["mean"] == found["mean"]).all()


def test_games_that_take_running_moments_are_left_as_they_are(normed):
    game = normed.game._replace(standing=None)
    assert standing(game, normed.state) is normed.state
    published = normed.state.replace(step=jnp.int32(0))  # with the moments of its file
    assert standing(normed.game, published) is published
    assert built.build(None, "g", 0, "condition") is None
    with pytest.raises(UserError, match="config.game.standing=4: .* vectors are the data's"):
        built.build(None, "g", 4, "condition")


def test_truncated_latents_are_normal_within_their_bound():
    z = np.asarray(Noise(64, truncation=0.5).draw(KEY, 2000, None))
    assert abs(z).max() <= 0.5 and abs(z).max() > 0.49
    np.testing.assert_allclose([z.mean(), z.var()], [0, 0.0807], atol=2e-3)
    assert abs(np.asarray(Noise(64).draw(KEY, 2000, None))).max() > 3


def test_games_without_latents_to_truncate_are_refused(normed):
    game = normed.game
    assert resampled(game, None) is game
    images = game._replace(inputs={"y": Label(3), "c": Vector(2)})
    with pytest.raises(UserError, match="--truncation=0.5: this run has no latents z"):
        resampled(images, 0.5)
    config = configs.load(f"{ROOT}/experiments/stylegan2.py:smoke").to_dict()
    styled = make_game(config["game"], config["optim"], spec=Spec((8, 8, 3)), steps=1)
    with pytest.raises(UserError, match="--truncation=0.5: .* style-based; --psi truncates"):
        resampled(styled, 0.5)


def config(steps):
    made = configs.load(f"{ROOT}/experiments/gan.py:smoke").to_dict()
    made |= {"steps": steps, "ema_widths": (0.05, 0.1), "seeds": 1}
    made["checkpoint"] = {"every": 1, "keep": 1, "keep_every": 1}
    return made


@pytest.fixture(scope="module")
def runs(tmp_path_factory, compiled_once_a_module):
    """A run of 8 steps, each kept, and one that was resumed after 5 of them."""
    folder = tmp_path_factory.mktemp("runs")
    assert loop.train(config(8), folder / "whole") == 0
    assert loop.train(config(5), folder / "resumed") == 0
    assert loop.train(config(8), folder / "resumed") == 0
    return folder / "whole", folder / "resumed"


def test_a_resumed_run_has_the_same_bits(runs):
    whole, resumed = (restore(run).state for run in runs)
    assert set(whole.ema) == {"g", "g@0.05", "g@0.1"}
    jax.tree.map(np.testing.assert_array_equal, whole, resumed)


def leaves(tree):
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)]).astype(np.float64)


@pytest.fixture(scope="module")
def moves(runs):
    """G's parameters after each update, (8, number of them)."""
    found = restore(runs[0])
    return np.stack([leaves(state.params["g"]) for state in states(runs[0], found, range(1, 9))])


@pytest.mark.parametrize(("width", "tolerance"), [(0.05, 1e-4), (0.07, 0.01), (0.14, 0.03)])
def test_any_width_is_that_of_the_parameters_of_all_steps(runs, moves, width, tolerance, capsys):
    """To 1 and 3 % of how far parameters move, of widths that were not kept."""
    want = np.diff((np.arange(9) / 8) ** (exponent(width) + 1)) @ moves
    got = leaves(jaxgan.open(runs[0], ema=width).state.ema["g"])
    scale = np.linalg.norm(moves.std(axis=0))
    assert np.linalg.norm(got - want) < tolerance * scale + 1e-5
    said = capsys.readouterr().err
    assert said == "" if width == 0.05 else "8 checkpoints with widths 0.05, 0.1 miss" in said


@pytest.mark.parametrize("net", ["g1", "g2"])
def test_a_width_of_a_stage_is_that_of_the_steps_in_which_it_moved(net):
    """As of a pyramid: g1 moves in steps 0 to 19, then g2; parameters are a curve of the moves."""

    def turn(name, span):
        return Turn(name, name, lambda params, state, batch, key: (params[name], Aux()), span=span)

    turns = (turn("g1", (0, 20)), turn("g2", (20, None)))
    game = Game(
        init=lambda key: ({"g1": jnp.zeros(()), "g2": jnp.zeros(())}, {}, {}),
        players={t.name: Player((t.name,), optax.sgd(lambda n: jnp.sin(0.2 * n))) for t in turns},
        turns=turns, inputs={}, sample=None, critic=None, ema={"g1": 0.5, "g2": 0.5},
    )  # fmt: skip
    widths = (0.05, 0.1)
    game = widened(game, widths)
    step = jax.jit(partial(core.step, game), static_argnames="turns")
    states = [core.init(game, KEY)]
    for t in range(40):
        batch = {"image": jnp.zeros((2, 1))}
        states.append(step(states[-1], batch, KEY, turns=core.due(game, t))[0])
    assert [updates(game, net, t) for t in (10, 20, 30)] == ([10, 20, 20], [0, 0, 10])[net == "g2"]
    kept = range(5, 41, 5)
    factors, missed = _coefficients(game, net, widths, 0.14, kept)
    averages = [[float(states[t].ema[named(net, w)]) for w in widths] for t in kept]
    first = 20 if net == "g2" else 0
    moves = np.array([state.params[net] for state in states[first + 1 : first + 21]])
    want = np.diff((np.arange(21) / 20) ** (exponent(0.14) + 1)) @ moves
    assert missed < 0.1
    np.testing.assert_allclose((factors * averages).sum(), want, atol=0.03 * moves.std())


def test_commands_draw_by_a_width_and_protocols_name_it(runs, tmp_path, capsys):
    images = {}
    for flag in ("--ema=0.1", "--ema=0.07", "--generator=last", "--truncation=0.5"):
        out = tmp_path / f"{flag[2:5]}.npz"
        assert sample.main([f"--workdir={runs[0]}", "--n=3", f"--out={out}", flag]) == 0
        with np.load(out) as arrays:
            images[flag] = arrays["images"].astype(int)
            assert (abs(arrays["latents"]).max() <= 0.5) == (flag == "--truncation=0.5")
    assert len({each.tobytes() for each in images.values()}) == 4
    flags = [f"--workdir={runs[0]}", "--n=40", "--ema=0.07", "--truncation=0.5"]
    assert evaluate.main(flags) == 0
    said = capsys.readouterr().out
    assert ", generator ema 0.07, truncation z 0.5, seed 0" in said


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"ema": 0.28}, "--ema=0.28: .* miss .*% of its profile; keep more"),
        ({"ema": 0.5}, "a relative width, above 0 and at most 0.28"),
        ({"ema": 0.05, "generator": "last"}, "--generator=last says it; pass one"),
        ({"generator": "mean"}, "'averaged', 'last', or ''"),
    ],
)
def test_averages_that_cannot_be_had_are_one_line(runs, choice, said):
    with pytest.raises(UserError, match=said):
        jaxgan.open(runs[0], 2, **choice)


def test_a_run_that_keeps_no_widths_says_how_to(runs, normed):
    del runs
    with pytest.raises(UserError, match="--ema=0.1: this run keeps no power-function averages; it"):
        taken(normed, Choice(ema=0.1), Path())
