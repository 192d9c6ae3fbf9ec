"""Schedules: their values, what they move, in one program, and what they may not be of."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.config import schedules
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core import optim, schedule
from jaxgan.core.growth import plan
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import prepare
from jaxgan.training.step import train_step

GAN = "experiments/gan.py:smoke"
KEY = jax.random.key(0)
COSINE = {"cosine": (2e-4, 5e-5), "images": 2e7}
LINEAR = {"linear": ((0, 0.0), (1000, 4.0), ("3kimg", 1.0))}


@pytest.mark.parametrize(
    ("node", "images", "want"),
    [
        (COSINE, 0, 2e-4),
        (COSINE, 5e6, 2e-4 - 1.5e-4 * (1 - np.cos(np.pi / 4)) / 2),
        (COSINE, 1e7, 1.25e-4),
        (COSINE, 2e7, 5e-5),
        (COSINE, 9e8, 5e-5),
        ({"cosine": (0.9, 0.99), "images": 2e8}, 5e7, 0.9 + 0.09 * (1 - np.cos(np.pi / 4)) / 2),
        (LINEAR, 0, 0.0),
        (LINEAR, 250, 1.0),
        (LINEAR, 1000, 4.0),
        (LINEAR, 2000, 2.5),
        (LINEAR, 1e6, 1.0),
    ],
)
def test_values(node, images, want):
    found = schedules.parse(node, "config.lr")
    np.testing.assert_allclose(found(images), want, rtol=1e-12, atol=1e-18)
    traced = jax.jit(lambda x: found(x, jnp))(jnp.float32(images))
    np.testing.assert_allclose(traced, want, rtol=1e-6)


@pytest.mark.parametrize("together", [False, True])
def test_images_seen_are_those_of_the_growth(together):
    node = {"first": 4, "stable": 10, "fade": 0, "together": together, "batch": {"8": 8, "16": 4}}
    stages = plan(node, shape=(16, 16, 1), images=16, size=100)
    assert len(stages.stages) == 3
    for t in (0, 9, 10, 17, 20, 1000):
        assert float(schedule.seen(stages, jnp.int32(t))) == stages.seen(t)


def test_adam_with_a_moving_b2_is_the_authors():
    """Bias correction by the b2 of now, as in torch.optim.Adam whose betas are set each step."""
    grads, rates, b2s = [1.0, -2.0, 0.5], [0.1, 0.05, 0.02], [0.9, 0.95, 0.99]

    @jax.jit
    def move(grad, opt, lr, b2):
        return optim.adam(updates=9, lr=lr, b1=0.0, b2=b2).update(grad, opt)

    opt = optim.adam(updates=9, lr=0.1, b1=0.0, b2=0.9).init(jnp.zeros(()))
    square = 0.0
    for t, (grad, lr, b2) in enumerate(zip(grads, rates, b2s, strict=True), 1):
        update, opt = move(jnp.float32(grad), opt, lr, b2)
        square = b2 * square + (1 - b2) * grad**2
        want = -lr * grad / (np.sqrt(square / (1 - b2**t)) + 1e-8)
        np.testing.assert_allclose(update, want, rtol=1e-6)


# What moves over 64 images, 8 a step: an optimizer's numbers, a regularizer's, an average's.
MOVING = {
    "optim.d.lr": {"cosine": (2e-3, 5e-4), "images": 64},
    "optim.g.lr": {"linear": ((0, 0.0), (16, 1e-3), (64, 1e-4))},
    "optim.d.b2": {"cosine": (0.9, 0.99), "images": 64},
    "game.regularizers.r1.gamma": {"cosine": (2.0, 0.2), "images": 64},
    "game.loss": {"name": "least_squares", "c": {"cosine": (1.0, 0.5), "images": 64}},
    "game.ema": {"cosine": ("0kimg", "1kimg"), "images": 64},
}


def run_of(changes):
    config = configs.load(GAN)
    config.ema_warmup = False
    configs.override(config, [f"--config.{key}={value}" for key, value in changes.items()])
    return bind(prepare, config.to_dict(), at="config")()


def at(key, node, images):
    """Returns the plain value of a moving number."""
    if key == "game.loss":
        return node | {"c": at("", node["c"], images)}
    value = float(schedules.parse(node, key)(images))
    return f"{value:f}kimg" if key == "game.ema" else value


def stepper(run):
    return jax.jit(functools.partial(train_step, run.game), static_argnames="turns")


@pytest.fixture(scope="module")
def moving():
    """Returns the run, its one program, its states before each step, and what each logs."""
    run = run_of(MOVING)
    step, states = stepper(run), [jax.jit(functools.partial(core.init, run.game))(KEY)]
    rows = []
    for t in range(10):
        state, metrics = step(states[-1], run.feeds[0](t), KEY, turns=("d", "g"))
        states.append(state)
        rows.append(metrics)
    return run, step, states, rows


@pytest.mark.parametrize("t", [3, 9])
def test_a_step_is_that_of_the_plain_numbers_of_its_time(moving, t):
    run, _, states, rows = moving
    for key in ("optim.d.lr", "game.regularizers.r1.gamma"):
        np.testing.assert_allclose(rows[t][f"schedule/{key}"], at(key, MOVING[key], 8 * t), 1e-6)
    plain = run_of({key: at(key, node, 8 * t) for key, node in MOVING.items()})
    assert run.game.now and not plain.game.now
    want, _ = stepper(plain)(states[t], run.feeds[0](t), KEY, turns=("d", "g"))
    got = jax.tree.leaves((states[t + 1].params, states[t + 1].ema))
    for a, b in zip(got, jax.tree.leaves((want.params, want.ema)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_nothing_is_compiled_again_and_a_resumed_run_is_the_same_to_the_bit(moving):
    run, step, states, _ = moving
    assert step._cache_size() == 1
    resumed = run_of(MOVING)
    state, again = jax.tree.map(np.asarray, states[4]), stepper(resumed)
    for t in range(4, 10):
        state, _ = again(state, resumed.feeds[0](t), KEY, turns=("d", "g"))
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(states[-1]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_decay_may_move_too():
    run = run_of({"game.ema": {"cosine": (0.0, 0.5), "images": 16}})
    first = state = core.init(run.game, KEY)
    state, _ = stepper(run)(state, run.feeds[0](0), KEY, turns=("d", "g"))
    for a, b in zip(*map(jax.tree.leaves, (state.ema["g"], state.params["g"])), strict=True):
        np.testing.assert_array_equal(a, b)  # a decay of 0
    state = state.replace(params=first.params, step=jnp.int32(50))
    later, _ = stepper(run)(state, run.feeds[0](0), KEY, turns=("d", "g"))
    pairs = zip(
        *map(jax.tree.leaves, (later.ema, state.ema, {"g": later.params["g"]})), strict=True
    )
    for a, old, new in pairs:
        np.testing.assert_allclose(a, (old + new) / 2, rtol=1e-5, atol=1e-7)


def test_averages_of_other_widths_are_kept_beside_one_that_moves():
    """Both begin at the parameters of the first step: of a half-life of 0, and of a power."""
    run = run_of({"game.ema": MOVING["game.ema"], "ema_widths": (0.05, 0.1)})
    state, step = core.init(run.game, KEY), stepper(run)
    for t in range(2):
        state, _ = step(state, run.feeds[0](t), KEY, turns=("d", "g"))
        assert set(state.ema) == {"g", "g@0.05", "g@0.1"}
        for name in state.ema if t == 0 else ():
            jax.tree.map(np.testing.assert_array_equal, state.ema[name], state.params["g"])
    leaves = [jax.tree.leaves(state.ema[name])[0] for name in ("g", "g@0.05", "g@0.1")]
    assert (leaves[0] != leaves[1]).any() and (leaves[1] != leaves[2]).any()


HALF = "{'cosine': (0.0, 0.5), 'images': 80}"


@pytest.mark.parametrize(
    ("flag", "line"),
    [
        (f"game.latent={HALF}", "config.game.latent: .* whole number, which stays the same during"),
        (f"batch={HALF}", "config.batch: .* whole number, which stays the same during a run"),
        (f"game.g.widths={HALF}", "config.game.g.widths: .* stays the same during a run"),
        (f"data.holdout={HALF}", "config.data.holdout: .* stays the same during a run"),
        (f"game.regularizers.r2.every={HALF}", "every=a schedule from 0.0 to 0.5: a number of st"),
        (f"game.loss={{'name': 'non_saturating', 'flip': {HALF}}}",
         "config.game.loss.flip: must be known before anything compiles: a number, not a sched"),
        ("optim.d.b2={'cosine': (0, 1.2), 'images': 80}", "config.optim.d.b2=1.2: a finite number"),
        ("optim.d.lr={'cosine': (0, 1)}", "config.optim.d.lr: a schedule is {'cosine': "),
        ("optim.d.lr={'cosine': (0, 1), 'images': 0}", "images .* ascend from 0 or more"),
        ("optim.d.lr={'linear': ((0, 1), (0, 2))}", "images .* ascend from 0 or more"),
        ("optim.d.lr={'linear': ((0, 'x'), (1, 2))}", "config.optim.d.lr: 'x' in a schedule"),
        ("optim.d.lr={'cosine': ('1kimg', 1), 'images': 8}", "are all in kimg, or all plain"),
        ("optim.d.lr={'cosine': ('1kimg', '2kimg'), 'images': 8}", "config.optim.d.lr='1kimg': a"),
        ("game.ema={'cosine': (0, 1), 'images': 8}", "decays in .0, 1. without"),
    ],
)  # fmt: skip
def test_what_cannot_move_is_refused_in_one_line(flag, line):
    config = configs.load(GAN)
    with config.ignore_type():
        configs.override(config, [f"--config.{flag}"])
    with pytest.raises(UserError, match=line) as error:
        bind(prepare, config.to_dict(), at="config")()
    assert "\n" not in str(error.value)
