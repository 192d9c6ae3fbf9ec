"""Published weights into jaxgan's trees and back, bit by bit."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import stylegan2
from jaxgan.runtime.errors import UserError
from jaxgan.weights import safe_pickle as weights
from jaxgan.weights import stylegan2_ada as published

KEY = jax.random.key(0)
PATH = Path(__file__).parents[1] / "fixtures/stylegan2_32.npz"


@pytest.fixture(scope="module")
def states():
    arrays, _ = weights.read(PATH)
    return [
        {k.removeprefix(net): v for k, v in arrays.items() if k.startswith(net)}
        for net in ("G/", "D/")
    ]


def assert_same(got, want):
    assert set(got) == set(want)
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value)
        assert got[name].dtype == value.dtype and got[name].shape == value.shape, name


def test_export_is_the_imports_inverse(states):
    g, d = states
    assert_same(published.export_generator(published.import_generator(g)), g)
    assert_same(published.export_discriminator(published.import_discriminator(d)), d)


def test_options_are_read_from_names_and_shapes(states):
    g, d = map(published.generator_options, states[:1]), published.discriminator_options(states[1])
    (g,) = g
    sizes = {"shape": (32, 32, 3), "channel_base": 512, "channel_max": 32, "classes": 0}
    taps = {"taps": (1.0, 3.0, 3.0, 1.0)}
    assert g == {**sizes, **taps, "w_dim": 64, "layers": 2, "architecture": "skip"}
    assert d == {
        **sizes, **taps, "architecture": "resnet", "std_channels": 1, "cmap": 0, "layers": 8
    }  # fmt: skip


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_every_architecture_goes_out_and_comes_back(architecture, classes):
    """From jaxgan's shapes to published names to options that give the same shapes."""
    options = {"channel_base": 128, "channel_max": 16, "classes": classes,
               "architecture": architecture, "taps": (1.0, 2.0, 1.0)}  # fmt: skip
    g = stylegan2.Generator((16, 16, 1), w_dim=6, layers=3, **options)
    d = stylegan2.Discriminator((16, 16, 1), layers=2 if classes else 8, std_channels=2,
                                cmap=5 if classes else 0, **options)  # fmt: skip
    y = jnp.zeros(2, int) if classes else None

    def made(net, x):
        shapes = jax.eval_shape(lambda key: pure(net).init(key, x, y), KEY)
        rng = np.random.default_rng(0)
        return jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)

    params, stats = made(g, jnp.zeros((2, 4)))
    ours = published.Generator(params, stats, np.ones(6, np.float32))
    state = published.export_generator(ours, g.taps)
    assert published.generator_options(state) == {
        name: getattr(g, name) for name in published.generator_options(state)
    }
    jax.tree.map(np.testing.assert_array_equal, published.import_generator(state), ours)

    params, _ = made(d, jnp.zeros((2, 16, 16, 1)))
    state = published.export_discriminator(params, d.taps)
    assert published.discriminator_options(state) == {
        name: getattr(d, name) for name in published.discriminator_options(state)
    }
    jax.tree.map(np.testing.assert_array_equal, published.import_discriminator(state), params)


def test_other_networks_are_refused(states):
    g, d = states
    with pytest.raises(UserError, match="no StyleGAN2 generator: it has no"):
        published.import_generator(d)
    with pytest.raises(UserError, match="no StyleGAN2 discriminator: it has no"):
        published.import_discriminator(g)
    with pytest.raises(UserError, match="synthesis.b8.conv0.magnitude: no parameter"):
        published.import_generator({**g, "synthesis.b8.conv0.magnitude": np.ones(1)})
    skewed = g["synthesis.b4.resample_filter"] + np.eye(4)
    with pytest.raises(UserError, match="no outer product"):
        published.import_generator({**g, "synthesis.b4.resample_filter": skewed})
