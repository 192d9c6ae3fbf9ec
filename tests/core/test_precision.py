"""Precision: of every product of a step, as lowered for a TPU, and of what must be exact."""

import functools
import re

import jax
import jax.numpy as jnp
import pytest

from jaxgan.augment import ada, diffaugment
from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.runtime.errors import UserError
from jaxgan.training.step import train_step
from jaxgan.training.workdir import Record

ADAM = {"name": "adam", "lr": 1e-3}
SPEC = Spec((32, 32, 3))
CONV = {
    "name": "adversarial",
    "g": {"name": "resnet.Generator", "width": 2},
    "d": {"name": "resnet.Discriminator", "width": 2},
    "latent": 4,
    "regularizers": {"gradient_penalty": {}},
}
KEY = jax.random.key(0)


def lowered(function, *args):
    """The program for a TPU, which this machine need not have."""
    return jax.jit(function).trace(*args).lower(lowering_platforms=("tpu",)).as_text()


def precisions(text):
    """Of each product and convolution of a program."""
    lines = [
        line
        for line in text.splitlines()
        if re.search(r"stablehlo\.(dot_general|convolution)", line)
    ]
    found = [re.search(r"(?:precision = \[|#stablehlo<precision )(\w+)", line) for line in lines]
    return [match[1] if match else "DEFAULT" for match in found]


def game(precision):
    return make_game(CONV, {"g": ADAM, "d": ADAM}, spec=SPEC, steps=2, precision=precision)


def step_of(played):
    batch = {"image": jax.ShapeDtypeStruct((4, 32, 32, 3), "uint8")}
    state = jax.eval_shape(lambda: core.init(played, KEY))
    return lowered(functools.partial(train_step, played, turns=("d", "g")), state, batch, KEY)


@pytest.mark.parametrize("precision", ["default", "high"])
def test_a_step_and_its_gradients_are_computed_at_the_precision_asked_for(precision):
    found = precisions(step_of(game(precision)))
    assert len(found) > 50 and set(found) == {precision.upper()}


def test_a_restored_run_draws_at_its_precision():
    config = {"game": CONV, "optim": {"g": ADAM, "d": ADAM}, "precision": "highest"}
    played = Record(config, SPEC, 2).game()
    state = jax.eval_shape(lambda: core.init(played, KEY))
    drawn = lowered(lambda s, z: played.sample(s, {"z": z}, KEY), state, jnp.zeros((2, 4)))
    scored = lowered(played.critic, state, {"image": jnp.zeros((2, *SPEC.shape))})
    assert set(precisions(drawn)) == set(precisions(scored)) == {"HIGHEST"}


@pytest.mark.parametrize("ambient", [None, "high"])
@pytest.mark.parametrize(
    "augment",
    [
        lambda key, x: ada.bgc(key, x, jnp.float32(0.5)),
        diffaugment.translation,
        lambda key, x: ada.warp(x, ada.draw_warps(key, x.shape, jnp.float32(0.5))),
        lambda key, x: ada.recolor(x, ada.draw_color_maps(key, len(x), jnp.float32(0.5))),
    ],
    ids=["bgc", "translation", "warp", "colors"],
)
def test_pixels_are_moved_and_colored_exactly_whatever_the_nets_precision(augment, ambient):
    x = jax.ShapeDtypeStruct((2, 8, 8, 3), "float32")
    with jax.default_matmul_precision(ambient):
        text = lowered(jax.grad(lambda x: (augment(KEY, x) ** 2).sum()), x)
    found = precisions(text)
    assert found and set(found) == {"HIGHEST"}


def test_another_precision_is_refused():
    with pytest.raises(UserError, match="default, high, highest"):
        game("double")
