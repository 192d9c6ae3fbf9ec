"""Nets that translate images: against another implementation, sizes, and what a critic sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cyclegan_names import FIXTURE, published

from jaxgan.core.network import pure
from jaxgan.nets import cyclegan
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
SHAPE = (32, 32, 3)


def images(name):
    return np.moveaxis(FIXTURE[name], 1, -1)


def test_outputs_are_those_of_the_published_nets():
    g = pure(cyclegan.ResNetGenerator(SHAPE, width=4, blocks=2))
    d = pure(cyclegan.PatchDiscriminator(SHAPE, width=4))
    a2b, b2a = published("G_A"), published("G_B")
    got = {
        "fake_b": g(a2b, {}, images("a"), train=True),
        "fake_a": g(b2a, {}, images("b"), train=True),
        "d_a_real": d(published("D_A"), {}, images("b"), train=True)[..., None],
        "d_b_real": d(published("D_B"), {}, images("a"), train=True)[..., None],
    }
    got["rec_a"] = g(b2a, {}, got["fake_b"], train=True)
    got["rec_b"] = g(a2b, {}, got["fake_a"], train=True)
    for name, value in got.items():
        np.testing.assert_allclose(value, images(name), rtol=1e-5, atol=2e-5, err_msg=name)


def test_the_default_critic_sees_70_pixels():
    net = pure(cyclegan.PatchDiscriminator((256, 256, 1), width=2, norm="Identity"))
    params, stats = net.init(KEY, jnp.zeros((1, 256, 256, 1)))
    x = jax.random.normal(KEY, (1, 256, 256, 1))
    logits = net(params, stats, x, train=False)
    assert logits.shape == (1, 30, 30)
    slope = jax.grad(lambda x: net(params, stats, x, train=False)[0, 15, 15])(x)[0, :, :, 0]
    for axis in (0, 1):
        seen = np.flatnonzero(np.abs(slope).max(axis))
        assert seen[-1] - seen[0] + 1 == 70


@pytest.mark.parametrize("norm", ["InstanceNorm", "BatchNorm"])
def test_instance_norm_has_no_parameters(norm):
    net = pure(cyclegan.ResNetGenerator(SHAPE, width=4, blocks=1, norm=norm))
    shapes = jax.eval_shape(lambda: net.init(KEY, jnp.zeros((1, *SHAPE))))
    leaves = {jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(shapes)}
    assert any("Norm" in name for name in leaves) == (norm == "BatchNorm")


def test_a_residual_generator_begins_near_the_identity():
    net = pure(cyclegan.ResNetGenerator(SHAPE, width=2, blocks=1, residual=True))
    x = jnp.linspace(-1.2, 1.2, 32 * 32 * 3).reshape(1, *SHAPE)  # hidden adds noise beyond white
    params, stats = net.init(KEY, x)
    bare = params | {"image": jax.tree.map(jnp.zeros_like, params["image"])}
    same = net(bare, stats, x, train=True)
    np.testing.assert_allclose(same, np.clip(x, -1, 1), atol=0.00501)
    assert np.abs(net(params, stats, x, train=True) - same).max() > 0.001
    slope = jax.grad(lambda x: net(params, stats, x, train=True).sum())(x)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize(("res", "blocks"), [(128, 6), (256, 9), (36, 6)])
def test_sizes_channels_and_blocks(res, blocks):
    net = pure(cyclegan.ResNetGenerator((res, res, 1)))
    x = jax.ShapeDtypeStruct((2, res, res, 3), jnp.float32)
    (params, stats), out = jax.eval_shape(
        lambda x: (made := net.init(KEY, x), net(*made, x, train=False)), x
    )
    assert out.shape == (2, res, res, 1) and not stats
    assert sum(name.startswith("block") for name in params) == blocks


def test_any_aspect_ratio_is_translated():
    net = pure(cyclegan.ResNetGenerator(SHAPE, width=2, blocks=1))
    params, _ = net.init(KEY, jnp.zeros((1, *SHAPE)))
    assert net(params, {}, jnp.zeros((1, 24, 52, 3)), train=False).shape == (1, 24, 52, 3)
    with pytest.raises(UserError, match="multiples of 4, not 30x32"):
        net(params, {}, jnp.zeros((1, 30, 32, 3)), train=False)


@pytest.mark.parametrize("skips", [False, True])
def test_encoder_decoder_returns_to_the_size_it_took(skips):
    net = pure(cyclegan.EncoderDecoder((32, 32, 1), width=4, skips=skips))
    params, stats = net.init(KEY, jnp.zeros((1, *SHAPE)))
    out, _ = net.apply(params, stats, jax.random.normal(KEY, (2, *SHAPE)), train=True)
    assert out.shape == (2, 32, 32, 1) and np.abs(out).max() <= 1
    assert params["up0"]["kernel"].shape == (4, 4, 8 if skips else 4, 1)
    with pytest.raises(UserError, match="power of two"):
        net(params, stats, jnp.zeros((1, 24, 24, 3)), train=False)


def test_pixels_are_judged_alone_and_pooled_on_request():
    options = {"width": 4, "norm": "Identity"}
    net = pure(cyclegan.PixelDiscriminator((8, 8, 1), **options))
    params, _ = net.init(KEY, jnp.zeros((1, 8, 8, 1)))
    x = jax.random.normal(KEY, (2, 8, 8, 1))
    logits = net(params, {}, x, train=False)
    changed = net(params, {}, x.at[0, 3, 4].add(1.0), train=False)
    assert np.argwhere(np.asarray(changed != logits)).tolist() == [[0, 3, 4]]
    mean = pure(cyclegan.PixelDiscriminator((8, 8, 1), **options, pool="mean"))
    np.testing.assert_allclose(mean(params, {}, x, train=False), logits.mean((1, 2)), rtol=1e-6)


@pytest.mark.parametrize(
    ("net", "res", "text"),
    [
        (cyclegan.PatchDiscriminator((16, 16, 3)), 16, "lower config.game.d.layers"),
        (
            cyclegan.ResNetGenerator((32, 32, 1), residual=True),
            32,
            "3 channels cannot be added to 1",
        ),
        (cyclegan.PatchDiscriminator(SHAPE, pool="max"), 32, "pool='max': 'none' or 'mean'"),
    ],
)
def test_what_does_not_fit_is_refused(net, res, text):
    with pytest.raises(UserError, match=text):
        pure(net).init(KEY, jnp.zeros((1, res, res, 3)))
