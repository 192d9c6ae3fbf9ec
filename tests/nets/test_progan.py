"""Progressive GAN's nets: what each level draws, where gradients reach, and sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import progan
from jaxgan.nets.layers import growing
from jaxgan.nets.ops.resize import downsample, upsample
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
SHAPE = (16, 16, 3)
WIDTH = {"channel_base": 64, "channel_max": 8}
ALL = (4, 16)


def random_params(net, *args, scale=1.0):
    """Parameters as NumPy draws them: quicker than compiling `init`."""
    shapes = jax.eval_shape(lambda key: pure(net).init(key, *args)[0], KEY)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: scale * rng.normal(size=s.shape).astype(s.dtype), shapes)


@pytest.fixture(scope="module")
def g():
    net = progan.Generator(SHAPE, **WIDTH)
    z = jax.random.normal(KEY, (4, 6))
    params = random_params(net, z, None, 4.0, ALL)

    def draw(params, level, resolutions):
        return net.apply({"params": params}, z, None, level, resolutions, train=True)

    return params, jax.jit(draw, static_argnums=2)


@pytest.fixture(scope="module")
def d():
    net = progan.Discriminator(SHAPE, **WIDTH)
    params = random_params(net, jnp.zeros((4, *SHAPE)), None, 4.0, ALL)

    def judge(params, x, level, resolutions):
        return net.apply({"params": params}, x, None, level, resolutions, train=True)

    return params, jax.jit(judge, static_argnums=3)


def images(res, key=KEY):
    return jax.random.uniform(key, (4, res, res, 3), minval=-1)


@pytest.mark.parametrize("res", [8, 16])
def test_at_alpha_0_the_new_resolution_changes_nothing(g, d, res):
    level, old = np.log2(res) - 1, (max(4, res // 4), res // 2)
    params, draw = g
    grown = draw(params, level, (res // 2, res))
    assert grown.shape == (4, res, res, 3)
    np.testing.assert_allclose(grown, upsample(draw(params, level, old)), atol=1e-5)
    params, judge = d
    x = images(res // 2)
    grown = judge(params, upsample(x), level, (res // 2, res))
    np.testing.assert_allclose(grown, judge(params, x, level, old), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("level", [2.0, 2.4, 3.0, 3.7, 4.0])
def test_one_graph_serves_all_levels(g, d, level):
    """What the graph of all resolutions draws is what the stage's own does, enlarged."""
    low = 4 if level < 3 else 8
    resolutions = (low, 2 * low) if level > 2 else (4, 4)
    params, draw = g
    own = draw(params, level, resolutions)
    while own.shape[1] < 16:
        own = upsample(own)
    np.testing.assert_allclose(draw(params, level, ALL), own, atol=1e-5)
    params, judge = d
    x = images(16)
    small = x
    while small.shape[1] > resolutions[1]:
        small = downsample(small)
    np.testing.assert_allclose(
        judge(params, x, level, ALL), judge(params, small, level, resolutions), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("net", ["g", "d"])
def test_at_alpha_1_the_old_image_layers_have_no_gradient(net, request):
    params, apply = request.getfixturevalue(net)
    args = (images(16),) if net == "d" else ()

    @jax.jit
    def gradient(level):
        return jax.grad(lambda p: (apply(p, *args, level, (8, 16)) ** 2).sum())(params)

    for level, learns in ((4.0, False), (3.5, True)):
        grads = gradient(level)
        size = {res: jnp.abs(grads[f"rgb{res}"]["kernel"]).max() for res in (4, 8, 16)}
        assert (size[8] > 0) == learns and size[16] > 0 and size[4] == 0


def test_blocks_above_the_level_have_no_gradient(g):
    params, draw = g
    grads = jax.grad(lambda p: (draw(p, 2.5, ALL) ** 2).sum())(params)
    reached = {name for name, leaf in grads.items() if jnp.abs(jax.tree.leaves(leaf)[0]).max() > 0}
    assert not reached & {"conv16_0", "conv16_1", "rgb16"}
    assert reached >= {"conv8_0", "rgb8", "rgb4"}


def test_without_a_level_the_net_is_full_grown(g):
    params, draw = g
    np.testing.assert_array_equal(draw(params, None, None), draw(params, 4.0, (16, 16)))


def test_layers_rectify_then_normalize_and_the_length_of_z_is_irrelevant(g):
    """conv, bias, leaky rectifier, then each pixel's mean square is 1."""
    net = progan.Generator(SHAPE, **WIDTH)
    params, _ = g
    z = jax.random.normal(KEY, (2, 6))

    def inside(z):
        return net.apply({"params": params}, z, train=True, capture_intermediates=True)

    image, found = inside(z)
    found = found["intermediates"]
    x = np.asarray(found["conv16_0"]["__call__"][0])
    x = np.where(x > 0, x, 0.2 * x)
    norms = [v["__call__"][0] for k, v in found.items() if k.startswith("PixelNorm")]
    want = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-8)
    assert any(n.shape == want.shape and np.allclose(n, want, atol=1e-5) for n in norms)
    np.testing.assert_allclose(inside(7 * z)[0], image, atol=1e-4)
    assert np.abs(image).max() > 1, "no tanh bounds the image"


def test_initial_gains_of_layers():
    """Each layer's output at first, per unit of its input's size: the paper's constants."""
    g = progan.Generator((8, 8, 3))
    z = jax.random.normal(KEY, (16, 512))

    def stds(net, *args):
        variables = random_params(net, *args)
        variables = jax.tree_util.tree_map_with_path(
            lambda path, p: 0 * p if path[-1].key == "bias" else p, variables
        )
        kept = {"dense", "conv8_0", "conv8_1", "rgb8", "conv4", "out"}
        apply = jax.jit(
            lambda p: net.apply(
                {"params": p}, *args, train=True, mutable=["intermediates"],
                capture_intermediates=lambda module, _: module.name in kept,
            )[1]["intermediates"]
        )  # fmt: skip
        return {name: float(np.std(v["__call__"][0])) for name, v in apply(variables).items()}

    found = stds(g, z)
    # Every input is a PixelNorm's output, of mean square 1.
    assert found["dense"] == pytest.approx(2**0.5 / 4, rel=0.05)
    assert found["rgb8"] == pytest.approx(1.0, rel=0.2)  # three numbers to a pixel
    # A leaky rectifier keeps (1 + 0.04) / 2 of the square, its gain sqrt(2) doubles it.
    d = stds(progan.Discriminator((8, 8, 3)), jax.random.normal(KEY, (16, 8, 8, 3)))
    assert d["rgb8"] == pytest.approx(2**0.5, rel=0.1)


def test_bfloat16_is_close_and_keeps_float32_parameters(g, d):
    for net, (params, apply), args in (
        (progan.Generator, g, ()),
        (progan.Discriminator, d, (images(16),)),
    ):
        half = net(SHAPE, **WIDTH, dtype="bfloat16")
        inputs = args or (jax.random.normal(KEY, (4, 6)),)
        out = half.apply({"params": params}, *inputs, None, 3.5, (8, 16), train=True)
        whole = apply(params, *args, 3.5, (8, 16))
        assert out.dtype == jnp.float32
        assert np.abs(out - whole).max() < 0.05 * np.abs(whole).max()
        shapes = jax.eval_shape(
            lambda half=half, inputs=inputs: half.init(KEY, *inputs, train=True)
        )
        assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}
    with pytest.raises(UserError, match="dtype='float16'"):
        progan.Generator(SHAPE, dtype="float16").init(KEY, jnp.zeros((1, 6)), train=True)


def test_the_networks_have_the_papers_parameters_and_channels():
    """Parameters and channels (Karras et al. 2018, table 2), and images of 1024 pixels."""
    shape, resolutions = (1024, 1024, 3), (4, 1024)
    g, d = progan.Generator(shape), progan.Discriminator(shape)

    def both(key):
        args, kwargs = (None, 9.5, resolutions), {"train": True}
        z = jnp.zeros((2, 512))
        image, params_g = g.init_with_output(key, z, *args, **kwargs)
        score, params_d = d.init_with_output(key, image, *args, **kwargs)
        return image, score, params_g, params_d

    image, score, *params = jax.eval_shape(both, KEY)
    assert image.shape == (2, *shape) and score.shape == (2,)
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in params]
    assert sizes == [23_079_115, 23_087_249], "as the authors' networks print them"
    assert [growing.channels(g, 4 << i) for i in range(9)] == [512] * 4 + [256, 128, 64, 32, 16]


@pytest.mark.parametrize("net", [progan.Generator, progan.Discriminator])
def test_sizes_that_are_not_powers_of_two_are_refused(net):
    with pytest.raises(UserError, match="square images of 4, 8"):
        net((28, 28, 1)).init(KEY, jnp.zeros((1, 28, 28, 1)), train=True)
