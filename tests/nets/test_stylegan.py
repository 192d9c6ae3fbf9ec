"""StyleGAN's nets: AdaIN, noise, filters, growing, and which layers each style reaches."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import mapping, progan, stylegan
from jaxgan.nets.ops.resize import upsample

KEY = jax.random.key(0)
SHAPE = (16, 16, 3)
WIDTH = {"channel_base": 64, "channel_max": 8}
SYNTHESIS = stylegan.Synthesis(SHAPE, **WIDTH)


@pytest.fixture(scope="module")
def synthesis():
    """Variables as NumPy draws them, and a function (params, ws, level, resolutions) -> images."""
    ws = jnp.zeros((1, 6, 5))
    shapes = jax.eval_shape(lambda key: pure(SYNTHESIS).init(key, ws, 4.0, (4, 16)), KEY)
    rng = np.random.default_rng(0)
    params, stats = jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)

    def draw(params, ws, level, resolutions):
        return SYNTHESIS.apply({"params": params, **stats}, ws, level, resolutions, train=False)

    return params, jax.jit(draw, static_argnums=3)


def drawn(layers, seed=0):
    return jax.random.normal(jax.random.key(seed), (3, layers, 5))


@pytest.mark.parametrize("res", [8, 16])
def test_at_alpha_0_the_new_resolution_changes_nothing(synthesis, res):
    params, draw = synthesis
    layers = mapping.style_layers((res,))
    ws, level = drawn(layers), np.log2(res) - 1
    grown = draw(params, ws, level, (res // 2, res))
    old = draw(params, ws[:, :-2], level, (max(4, res // 4), res // 2))
    np.testing.assert_allclose(grown, upsample(old), atol=1e-5)


def test_the_filtered_critic_at_alpha_0():
    net = progan.Discriminator(SHAPE, **WIDTH, filtered=True)
    x = jax.random.uniform(KEY, (4, 8, 8, 3), minval=-1)
    shapes = jax.eval_shape(lambda: pure(net).init(KEY, upsample(x), None, 4.0, (4, 16))[0])
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)

    def judge(x, resolutions):
        return net.apply({"params": params}, x, None, 3.0, resolutions, train=False)

    judge = jax.jit(judge, static_argnums=1)
    np.testing.assert_allclose(judge(upsample(x), (8, 16)), judge(x, (4, 8)), atol=1e-5)


def test_at_alpha_1_the_old_image_layer_has_no_gradient(synthesis):
    params, draw = synthesis
    grads = jax.jit(jax.grad(lambda p: (draw(p, drawn(6), 4.0, (8, 16)) ** 2).sum()))(params)
    size = {res: jnp.abs(grads[f"rgb{res}"]["kernel"]).max() for res in (4, 8, 16)}
    assert size[4] == size[8] == 0 and size[16] > 0


@pytest.mark.parametrize("cutoff", [1, 3, 6])
def test_mixed_styles_reach_their_layers_alone(synthesis, cutoff):
    """The first c layers ignore z2, the rest ignore z1."""
    params, draw = synthesis

    def energy(first, second):
        return (draw(params, mapping.mix(first, second, cutoff), 4.0, (16, 16)) ** 2).sum()

    first, second = jax.jit(jax.grad(energy, argnums=(0, 1)))(drawn(6, 1), drawn(6, 2))
    reached = [np.abs(g).max(axis=(0, 2)) > 0 for g in (first, second)]
    assert reached[0].tolist() == [True] * cutoff + [False] * (6 - cutoff)
    assert reached[1].tolist() == [False] * cutoff + [True] * (6 - cutoff)


def test_an_epilogue_by_hand():
    """Noise, bias, leaky rectifier, then each channel's mean and deviation are the style's."""
    layer, x = stylegan.Epilogue(), jax.random.normal(KEY, (2, 8, 8, 3))
    w = jax.random.normal(jax.random.key(1), (2, 5))
    variables = layer.init(KEY, x, w, False)
    params = variables["params"]
    assert not params["strength"].any() and params["strength"].shape == (3,)
    affine = jax.random.normal(KEY, (5, 6))
    params = params | {
        "strength": jnp.array([0.0, 0.5, 2.0]),
        "bias": jnp.array([0.1, 0.2, 0.3]),
        "style": {"EqualDense_0": {"kernel": affine, "bias": jnp.zeros(6)}},
    }
    out = layer.apply({**variables, "params": params}, x, w, False)
    h = x + variables["noise"]["const"][..., None] * params["strength"] + params["bias"]
    h = jnp.where(h > 0, h, 0.2 * h)
    style = w @ affine / np.sqrt(5)
    mean, std = h.mean(axis=(1, 2), keepdims=True), h.std(axis=(1, 2), keepdims=True)
    want = (h - mean) / std * (1 + style[:, None, None, :3]) + style[:, None, None, 3:]
    np.testing.assert_allclose(out, want, atol=1e-4)
    random = [
        layer.apply({**variables, "params": params}, x, w, True, rngs={"noise": jax.random.key(i)})
        for i in (0, 1)
    ]
    assert (random[0] != random[1]).any() and (random[0] != out).any()


def test_initial_values_of_styles_constant_and_biases():
    layer = stylegan.Epilogue()
    params = layer.init(KEY, jnp.ones((1, 4, 4, 3)), jnp.ones((1, 5)), False)["params"]
    assert not params["style"]["EqualDense_0"]["bias"].any(), "styles scale by 1 + it"
    small = stylegan.Synthesis((4, 4, 3), 4, 2)
    params = small.init(KEY, drawn(2), train=False)["params"]
    assert (params["const"] == 1).all()
    assert "bias" not in params["conv4_1"] and params["rgb4"]["bias"].shape == (3,)


def test_low_pass_of_a_single_pixel():
    x = jnp.zeros((1, 5, 5, 1)).at[0, 2, 2, 0].set(16.0)
    want = np.outer([0, 1, 2, 1, 0], [0, 1, 2, 1, 0])
    np.testing.assert_allclose(progan.low_pass(x)[0, ..., 0], want, atol=1e-6)


def test_the_generator_has_the_parameters_of_the_papers():
    shape, resolutions = (1024, 1024, 3), (4, 1024)
    g = stylegan.Generator(shape)
    z = jnp.zeros((2, 512))

    def draw(key):
        return g.init_with_output(key, z, None, 9.5, resolutions, train=False)

    image, variables = jax.eval_shape(draw, KEY)
    assert image.shape == (2, *shape)
    total = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert total == 26_219_627, "as the authors' network prints it"


def test_bfloat16_is_close_to_float32():
    whole, half = (stylegan.Synthesis((8, 8, 3), 32, 8, dtype) for dtype in ("float32", "bfloat16"))
    variables = jax.jit(functools.partial(whole.init, train=False))(KEY, drawn(4))
    out, whole = (
        jax.jit(functools.partial(net.apply, train=False))(variables, drawn(4))
        for net in (half, whole)
    )
    assert out.dtype == jnp.float32
    assert np.abs(out - whole).max() < 0.05 * np.abs(whole).max()


def test_ws_of_other_layers_are_refused():
    with pytest.raises(ValueError, match="want 6 layers of w"):
        SYNTHESIS.init(KEY, drawn(4), train=False)
