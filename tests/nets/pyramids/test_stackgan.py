"""StackGAN's nets: sizes, what they see, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.ops.laplacian import resized
from jaxgan.nets.pyramids.stackgan import NEAR, Augmentation, Discriminator, Generator, Refiner
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
Y = jax.random.normal(KEY, (3, 5))
COARSE = jax.random.uniform(KEY, (3, 8, 8, 3), minval=-1)


def shapes(net, *args):
    """The sizes and channels of what convolutions return, and the shape of the output."""
    out, kept = jax.eval_shape(
        lambda: net.apply(
            net.init(KEY, *args, train=False),
            *args,
            train=False,
            capture_intermediates=lambda m, _: type(m).__name__ == "Conv",
        )
    )
    leaves = [leaf.shape for leaf in jax.tree.leaves(kept["intermediates"])]
    return {(shape[1], shape[-1]) for shape in leaves}, out.shape


def test_the_authors_sizes():
    """hanzhanggit/StackGAN-Pytorch, code/model.py: GF_DIM 128, DF_DIM 64."""
    z, small, y = jnp.zeros((1, 100)), jnp.zeros((1, 64, 64, 3)), jnp.zeros((1, 128))
    first = Generator((64, 64, 3), width=128)
    assert shapes(first, z, y) == (
        {(8, 512), (16, 256), (32, 128), (64, 64), (64, 3)},
        (1, 64, 64, 3),
    )
    second = Refiner((256, 256, 3), width=128)
    assert shapes(second, None, y, small) == (
        {(64, 128), (32, 256), (16, 512), (32, 256), (64, 128), (128, 64), (256, 32), (256, 3)},
        (1, 256, 256, 3),
    )
    d = Discriminator((64, 64, 3), width=64)
    assert shapes(d, small, y) == ({(32, 64), (16, 128), (8, 256), (4, 512), (1, 1)}, (1,))


def test_stage_two_begins_with_the_content_of_stage_one_if_residual():
    net = Refiner((32, 32, 3), width=4, halvings=1, blocks=1, residual=True)
    variables = net.init(KEY, None, Y, COARSE, train=False)
    images = net.apply(variables, None, Y, COARSE, train=False)
    below = resized(COARSE, 32)
    np.testing.assert_allclose(images, NEAR * below, atol=0.01)
    last = f"Conv_{max(int(k[5:]) for k in variables['params'] if k.startswith('Conv_'))}"
    none = {last: jax.tree.map(jnp.zeros_like, variables["params"][last])}
    plain = variables | {"params": variables["params"] | none}
    np.testing.assert_allclose(
        net.apply(plain, None, Y, COARSE, train=False), NEAR * below, atol=1e-6
    )


@pytest.mark.parametrize("y", [Y, jnp.array([0, 2, 1])], ids=["vectors", "labels"])
def test_conditions_reach_every_net(y):
    z, x = jax.random.normal(KEY, (3, 6)), jax.random.uniform(KEY, (3, 16, 16, 3), minval=-1)
    small = {"width": 4, "classes": 3, "embedding": 4}
    cases = {
        Generator((16, 16, 3), **small): (z,),
        Discriminator((16, 16, 3), norm="Identity", **small): (x,),
        Augmentation(features=4, classes=3): (),
    }
    for net, args in cases.items():
        variables = net.init(KEY, *args, y, train=False)
        out, other = (net.apply(variables, *args, each, train=False) for each in (y, y[::-1]))
        assert all(
            (a != b).any()
            for a, b in zip(jax.tree.leaves(out), jax.tree.leaves(other), strict=True)
        )


def test_a_gaussian_of_conditions_has_moments_of_its_own_beside_theirs():
    """The authors' dense layer has a bias: of a vector of zeros the moments are that."""
    net = Augmentation(features=2)
    params = net.init(KEY, Y, train=False)["params"] | {"bias": jnp.array([1.0, -1, 2, -2])}
    mean, log_deviation = net.apply({"params": params}, jnp.zeros((1, 5)), train=False)
    np.testing.assert_allclose([mean[0], log_deviation[0]], [[1, -0.2], [2, -0.4]], rtol=1e-6)


@pytest.mark.parametrize(
    ("net", "args", "text"),
    [
        (Refiner((32, 32, 3)), (Y, Y, COARSE), "set config.game.noise=False"),
        (
            Refiner((32, 32, 3), halvings=3),
            (None, Y, COARSE),
            "halvings=3: too many for images of 8",
        ),
        (Generator((12, 12, 3)), (Y,), "8, 16, 32 pixels and so on, not of 12"),
    ],
)
def test_what_does_not_fit_is_refused(net, args, text):
    with pytest.raises(UserError, match=text):
        net.init(KEY, *args, train=False)
