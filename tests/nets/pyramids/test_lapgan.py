"""LAPGAN's finer nets: a residual on an enlarged image, and who sees what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.ops.laplacian import resized
from jaxgan.nets.pyramids.lapgan import Discriminator, Generator
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
SHAPE = (8, 8, 3)
COARSE = jax.random.uniform(KEY, (2, 4, 4, 3), minval=-1)
Z = jax.random.normal(KEY, (2, 64))
X = jax.random.uniform(jax.random.key(1), (2, *SHAPE), minval=-1)
Y = jnp.array([0, 3])


def test_the_generator_adds_a_residual_of_the_noise_and_the_label():
    net = Generator(SHAPE, width=4, classes=4)
    variables = net.init(KEY, Z, Y, COARSE, train=False)
    draw = lambda v, z, y: net.apply(v, z, y, COARSE, train=True) - resized(COARSE, 8)  # noqa: E731
    residual = draw(variables, Z, Y)
    assert residual.shape == (2, *SHAPE) and abs(residual).max() > 0
    assert (draw(variables, -Z, Y) != residual).any() and (
        draw(variables, Z, Y + 1) != residual
    ).any()
    last = {"Conv_2": jax.tree.map(jnp.zeros_like, variables["params"]["Conv_2"])}
    np.testing.assert_array_equal(draw({"params": variables["params"] | last}, Z, Y), 0)


def test_without_noise_a_residual_is_of_the_coarser_image_alone():
    """config.game.noise=False."""
    net = Generator(SHAPE, width=4)
    variables = net.init(KEY, None, None, COARSE, train=False)
    assert variables["params"]["Conv_0"]["kernel"].shape == (5, 5, 3, 4)
    images = net.apply(variables, None, None, COARSE, train=False)
    assert images.shape == (2, *SHAPE) and (images != resized(COARSE, 8)).any()


@pytest.mark.parametrize("lowpass", [True, False])
def test_the_discriminator_sees_the_coarser_image_where_asked(lowpass):
    net = Discriminator(SHAPE, width=4, lowpass=lowpass)
    variables = net.init(KEY, X, None, COARSE, train=False)
    judge = lambda x, coarse: net.apply(variables, x, None, coarse, train=False)  # noqa: E731
    logits = judge(X, COARSE)
    assert logits.shape == (2,)
    assert (judge(X, -COARSE) != logits).any() == lowpass
    assert (judge(-X, COARSE) != logits).all()


def test_dropout_is_of_training_alone():
    net = Discriminator(SHAPE, width=4, dropout=0.5)
    variables = net.init(KEY, X, None, COARSE, train=False)
    judge = lambda key, train: net.apply(  # noqa: E731
        variables, X, None, COARSE, train=train, rngs={"dropout": jax.random.key(key)}
    )
    np.testing.assert_array_equal(judge(0, False), judge(1, False))
    assert (judge(0, True) != judge(1, True)).any()


@pytest.mark.parametrize(
    ("net", "args", "text"),
    [
        (Generator(SHAPE, kernel=4), (Z, None, COARSE), "config.game.g.kernel=4: odd"),
        (Discriminator(SHAPE, layers=4), (X, None, COARSE), "nothing is left of 8 pixels"),
    ],
)
def test_what_does_not_fit_is_refused(net, args, text):
    with pytest.raises(UserError, match=text):
        net.init(KEY, *args, train=False)
