"""The nets mlp, dcgan and dcgan_anime: shapes, parameter counts, initial weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import dcgan, dcgan_anime, mlp
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)


def count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def abstract(module, *args):
    return jax.eval_shape(lambda: pure(module).init(KEY, *map(jnp.zeros, args)))[0]


def test_mlp_has_the_parameters_of_its_dense_layers():
    shape = (28, 28, 1)
    g, d = abstract(mlp.Generator(shape), (1, 64)), abstract(mlp.Discriminator(shape), (1, *shape))
    assert count(g) == 64 * 256 + 256 + 256 * 256 + 256 + 256 * 784 + 784
    assert count(d) == 784 * 256 + 256 + 256 * 256 + 256 + 256 + 1


def test_dcgan_has_the_parameters_of_pytorchs_example_and_output_biases():
    """PyTorch's example counts 3,576,704 and 2,765,568 without biases at the images' side."""
    shape = (64, 64, 3)
    assert count(abstract(dcgan.Generator(shape), (1, 100))) == 3_576_704 + 3
    assert count(abstract(dcgan.Discriminator(shape), (1, *shape))) == 2_765_568 + 64 + 1


@pytest.mark.parametrize("res", [16, 28, 32, 64, 128, 256])
@pytest.mark.parametrize("channels", [1, 3])
def test_dcgan_fits_every_size(res, channels):
    shape = (res, res, channels)
    g, d = pure(dcgan.Generator(shape, width=2)), pure(dcgan.Discriminator(shape, width=2))

    def through(key):
        z = jnp.zeros((3, 100))
        images, _ = g.apply(*g.init(key, z), z, train=True)
        logits, _ = d.apply(*d.init(key, images), images, train=True)
        return images, logits

    images, logits = jax.eval_shape(through, KEY)
    assert images.shape == (3, *shape) and logits.shape == (3,)


@pytest.mark.parametrize("shape", [(14, 14, 1), (48, 48, 3), (512, 512, 3), (32, 64, 3), (2,)])
def test_dcgan_refuses_other_sizes(shape):
    with pytest.raises(UserError, match="set --config.data.res"):
        pure(dcgan.Generator(shape)).init(KEY, jnp.zeros((1, 4)))


def test_dcgans_initial_weights_have_a_deviation_of_two_hundredths():
    params, stats = pure(dcgan.Discriminator((32, 32, 1))).init(KEY, jnp.zeros((1, 32, 32, 1)))
    for path, x in jax.tree.leaves_with_path(params):
        name = jax.tree_util.keystr(path)
        if name.endswith("['kernel']"):
            assert abs(float(x.std()) - 0.02) < 0.002 and abs(float(x.mean())) < 0.002
        elif name.endswith("['scale']"):
            assert abs(float(x.mean()) - 1) < 0.01 and 0.01 < float(x.std()) < 0.03
        else:
            assert not x.any()
    assert set(stats) == {"batch_stats"}


def test_batch_norm_updates_its_moments_in_training_only():
    net = pure(dcgan.Generator((16, 16, 1), width=2))
    z = jax.random.normal(KEY, (8, 5))
    params, stats = net.init(KEY, z)
    _, same = net.apply(params, stats, z, train=False)
    _, moved = net.apply(params, stats, z, train=True)
    assert same is stats
    mean = moved["batch_stats"]["BatchNorm_0"]["BatchNorm_0"]["mean"]
    h = (z @ params["Dense_0"]["kernel"]).reshape(-1, 4)
    np.testing.assert_allclose(mean, 0.1 * h.mean(0), rtol=1e-4, atol=1e-7)


def test_dcgan_anime_draws_64_pixels_and_drops_out_in_training():
    g, d = dcgan_anime.Generator((64, 64, 3), width=4), dcgan_anime.Discriminator((64, 64, 3), 4)
    z, key = jnp.ones((2, 64)), KEY
    images, stats = pure(g).apply(*pure(g).init(key, z), z, train=True)
    assert images.shape == (2, 64, 64, 3) and stats == {}
    params, _ = pure(d).init(key, images)
    score = lambda k, train: pure(d).apply(params, {}, images, train=train, key=k)[0]  # noqa: E731
    assert (score(KEY, True) != score(jax.random.key(1), True)).any(), "dropout in training"
    np.testing.assert_array_equal(score(KEY, False), score(jax.random.key(1), False))
    with pytest.raises(UserError, match="--config.data.res=64"):
        pure(g.clone(shape=(32, 32, 3))).init(KEY, z)


def test_dcgan_anime_has_the_parameters_of_the_books_keras_code():
    """Keras's model.summary() of the book's code, with latent 64."""
    shape = (64, 64, 3)
    d = 4 * 4 * 3 * 64 + 64 + 16 * 64 * 128 + 128 + 16 * 128 * 128 + 128 + 8 * 8 * 128 + 1
    g = 64 * 8192 + 8192 + 16 * 128 * 128 + 128 + 16 * 128 * 256 + 256 + 16 * 256 * 512 + 512
    assert count(abstract(dcgan_anime.Discriminator(shape), (1, *shape))) == d
    assert count(abstract(dcgan_anime.Generator(shape), (1, 64))) == g + 25 * 512 * 3 + 3


def test_the_articles_nets_have_the_parameters_of_its_layers():
    """Keras's 'valid' convolutions leave 62, 30, 14 and 6 pixels."""
    shape, w = (64, 64, 3), 128
    d = 9 * 3 * w + w + 3 * (16 * w * w + w) + 6 * 6 * w + 1
    g = 64 * 32 * 32 * w + 32 * 32 * w + 25 * w * 2 * w + 16 * 4 * w * w + 2 * 25 * 4 * w * w
    assert count(abstract(dcgan_anime.ArticleDiscriminator(shape), (1, *shape))) == d
    last = 49 * 2 * w * 3 + 3
    assert count(abstract(dcgan_anime.ArticleGenerator(shape), (1, 64))) == g + 4 * 2 * w + last
    normed = dcgan_anime.ArticleGenerator(shape, norm="BatchNorm")
    assert count(abstract(normed, (1, 64))) == g + 4 * 2 * w + last + 2 * (w + 4 * 2 * w)


@pytest.mark.parametrize("net", [mlp.Discriminator, dcgan.Discriminator])
def test_projection_without_a_condition_is_refused(net):
    with pytest.raises(UserError, match="set config.game.condition=label"):
        abstract(net((16, 16, 1), projection=True), (1, 16, 16, 1))
