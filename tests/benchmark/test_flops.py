"""FLOPs against closed forms."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxgan import config as configs
from jaxgan.benchmark import flops
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.nets.ops.conv import conv2d, conv2d_transpose
from jaxgan.training.setup import prepare
from jaxgan.training.step import train_step

ROOT = Path(__file__).parents[2]
PAD = ((1, 1), (1, 1))
NHWC = ("NHWC", "HWIO", "NHWC")


def array(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def conv(x, w):
    return jnp.sum(conv2d(x, w, stride=2, padding=PAD) ** 2)


def transpose(x, w):
    return jnp.sum(conv2d_transpose(x, w, stride=2, padding=PAD) ** 2)


def lax_conv(x, w):
    out = jax.lax.conv_general_dilated(x, w, (2, 2), PAD, dimension_numbers=NHWC)
    return jnp.sum(out**2)


def lax_transpose(x, w):
    dilated = {"lhs_dilation": (2, 2), "dimension_numbers": NHWC}
    return jnp.sum(jax.lax.conv_general_dilated(x, w, (1, 1), ((2, 2), (2, 2)), **dilated) ** 2)


@pytest.mark.parametrize(
    ("fn", "positions"),  # of the kernel, at the strided side
    [
        (conv, 16 * 16),
        (transpose, 32 * 32),
        (lax_conv, 16 * 16),
        (lax_transpose, 32 * 32),
    ],
)
def test_flops_of_a_convolution_and_its_gradients(fn, positions):
    x, w = array(8, 32, 32, 6), array(4, 4, 6, 10)
    once = 2 * 8 * positions * 10 * 4 * 4 * 6
    assert flops.count(fn, x, w) == once
    assert flops.count(jax.grad(fn), x, w) == 2 * once
    assert flops.count(jax.grad(fn, (0, 1)), x, w) == 3 * once

    def penalty(x, w):  # |grad_x|^2 takes the forward and the input gradient, each with its own
        return jnp.sum(jax.grad(fn)(x, w) ** 2)

    second = flops.count(jax.grad(penalty, 1), x, w) / once
    assert second == int(second) and 5 <= second <= 6
    assert flops.count(jax.vmap(fn, (None, 0)), x, array(3, 4, 4, 6, 10)) == 3 * once


def test_flops_of_control_flow():
    def scanned(x):
        return jax.lax.scan(lambda c, _: (c @ c, None), x, length=5)[0]

    def branches(x):
        return jax.lax.cond(x[0, 0] > 0, lambda x: x @ x @ x, lambda x: x, x)

    once = 2 * 7**3
    assert flops.count(scanned, array(7, 7)) == 5 * once
    assert flops.count(jax.jit(branches), array(7, 7)) == 2 * once
    assert flops.count(jax.checkpoint(lambda x: jnp.einsum("ij,kj->ik", x, x)), array(7, 7)) == once


def test_flops_of_a_dense_gan():
    run = bind(prepare, configs.load(f"{ROOT}/experiments/gan.py").to_dict(), at="config")()
    state = jax.eval_shape(partial(core.init, run.game), jax.random.key(0))
    batch = {"image": array(64, 28, 28, 1)}

    def of(*turns):
        step = partial(train_step, run.game, turns=turns)
        return flops.count(step, state, batch, jax.random.key(0))

    g, d = (64 * 256, 256 * 256, 256 * 784), (784 * 256, 256 * 256, 256)
    # real and fake images through d: forward, gradients of every weight and of every input but
    # the images
    d_turn = sum(g) + 2 * (2 * sum(d) + sum(d[1:]))
    # through g and d: forward, back through all of d, every weight of g's and input but z
    g_turn = sum(g) + sum(d) + sum(d) + sum(g) + sum(g[1:])
    assert of("d") == 2 * 64 * d_turn
    assert of("d", "g") == 2 * 64 * (d_turn + g_turn)
