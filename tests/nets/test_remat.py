"""remat: the same values and gradients, of less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import progan, stylegan, stylegan2
from jaxgan.training.batch_fit import nbytes

SHAPE = (16, 16, 3)
WIDTH = {"channel_base": 64, "channel_max": 8}
STYLE = {**WIDTH, "w_dim": 4, "layers": 1}
NETS = {
    "progan.Generator": (progan.Generator, WIDTH, False),
    "progan.Discriminator": (progan.Discriminator, {**WIDTH, "filtered": True}, True),
    "stylegan.Generator": (stylegan.Generator, STYLE, False),
    "stylegan2.Generator": (stylegan2.Generator, STYLE, False),
    "stylegan2.Discriminator": (stylegan2.Discriminator, WIDTH, True),
}


def slope(net, x, key, second):
    """The gradient of a loss; with `second`, of one with a gradient of the net in it."""

    def loss(params, stats):
        def score(x):
            return (net.apply(params, stats, x, train=True, key=key)[0] ** 2).mean()

        return score(x) + ((jax.grad(score)(x) ** 2).sum() if second else 0.0)

    return jax.value_and_grad(loss)


@pytest.mark.parametrize("name", NETS)
def test_values_and_gradients_are_the_same(name):
    kind, options, judges = NETS[name]
    key = jax.random.key(0)
    x = jax.random.normal(key, (4, *SHAPE) if judges else (4, 5))
    plain, again = (pure(kind(SHAPE, **options, remat=remat)) for remat in (False, True))
    params, stats = jax.jit(plain.init)(key, x)
    assert jax.tree.structure(params) == jax.tree.structure(jax.eval_shape(again.init, key, x)[0])
    want, got = (slope(net, x, key, judges) for net in (plain, again))
    assert "prevent_cse" in str(jax.make_jaxpr(got)(params, stats))
    sampled = jax.make_jaxpr(lambda p, s: again(p, s, x, train=False))(params, stats)
    assert "prevent_cse" not in str(sampled), "nothing is differentiated in a sample"
    pairs = jax.jit(lambda p, s: (want(p, s), got(p, s)))(params, stats)
    for a, b in zip(*map(jax.tree.leaves, pairs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6 * max(1.0, float(jnp.abs(a).max())))


@pytest.mark.parametrize("name", NETS)
def test_a_gradient_keeps_less(name):
    """What lies between resolutions, not all maps: as a reverse pass holds it."""
    kind, options, judges = NETS[name]
    key = jax.random.key(0)
    x = jnp.zeros((4, *SHAPE) if judges else (4, 5))
    kept = {}
    for remat in (False, True):
        net = pure(kind(SHAPE, **options, remat=remat))
        params, stats = jax.eval_shape(net.init, key, x)

        def pull(params, stats, net=net):
            return jax.vjp(lambda p: net.apply(p, stats, x, train=True, key=key)[0], params)[1]

        kept[remat] = nbytes(jax.eval_shape(pull, params, stats)) - nbytes(params)
    assert kept[True] < 0.6 * kept[False], kept
