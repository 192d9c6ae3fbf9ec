"""Published weights converted to jaxgan's trees and back, bit by bit."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import stylegan2
from jaxgan.runtime.errors import UserError
from jaxgan.weights import contents
from jaxgan.weights.published import stylegan2_ada

KEY = jax.random.key(0)
PATH = Path(__file__).parents[2] / "fixtures/stylegan2_32.npz"


@pytest.fixture(scope="module")
def states():
    arrays, _ = contents.read(PATH)
    return [
        {k.removeprefix(net): v for k, v in arrays.items() if k.startswith(net)}
        for net in ("G/", "D/")
    ]


def assert_same(got, want):
    assert set(got) == set(want)
    for name, value in want.items():
        np.testing.assert_array_equal(got[name], value)
        assert got[name].dtype == value.dtype and got[name].shape == value.shape, name


def test_export_inverts_import(states):
    g, d = states
    assert_same(stylegan2_ada.export_generator(stylegan2_ada.import_generator(g)), g)
    assert_same(stylegan2_ada.export_discriminator(stylegan2_ada.import_discriminator(d)), d)


def test_options_are_read_from_names_and_shapes(states):
    g = stylegan2_ada.generator_options(states[0])
    d = stylegan2_ada.discriminator_options(states[1])
    sizes = {"shape": (32, 32, 3), "channel_base": 512, "channel_max": 32, "classes": 0}
    taps = {"taps": (1.0, 3.0, 3.0, 1.0)}
    assert g == {**sizes, **taps, "w_dim": 64, "layers": 2, "architecture": "skip"}
    assert d == {
        **sizes, **taps, "architecture": "resnet", "std_channels": 1, "cmap": 0, "layers": 8
    }  # fmt: skip


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_every_architecture_is_exported_and_imported_unchanged(architecture, classes):
    """From jaxgan's shapes to published names to options that give the same shapes."""
    options = {"channel_base": 128, "channel_max": 16, "classes": classes,
               "architecture": architecture, "taps": (1.0, 2.0, 1.0)}  # fmt: skip
    g = stylegan2.Generator((16, 16, 1), w_dim=6, layers=3, **options)
    d = stylegan2.Discriminator((16, 16, 1), layers=2 if classes else 8, std_channels=2,
                                cmap=5 if classes else 0, **options)  # fmt: skip
    y = jnp.zeros(2, int) if classes else None

    def random_variables(net, x):
        shapes = jax.eval_shape(lambda key: pure(net).init(key, x, y), KEY)
        rng = np.random.default_rng(0)
        return jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)

    params, stats = random_variables(g, jnp.zeros((2, 4)))
    ours = stylegan2_ada.Generator(params, stats, np.ones(6, np.float32))
    state = stylegan2_ada.export_generator(ours, g.taps)
    assert stylegan2_ada.generator_options(state) == {
        name: getattr(g, name) for name in stylegan2_ada.generator_options(state)
    }
    jax.tree.map(np.testing.assert_array_equal, stylegan2_ada.import_generator(state), ours)

    params, _ = random_variables(d, jnp.zeros((2, 16, 16, 1)))
    state = stylegan2_ada.export_discriminator(params, d.taps)
    assert stylegan2_ada.discriminator_options(state) == {
        name: getattr(d, name) for name in stylegan2_ada.discriminator_options(state)
    }
    jax.tree.map(np.testing.assert_array_equal, stylegan2_ada.import_discriminator(state), params)


def test_other_networks_are_refused(states):
    g, d = states
    with pytest.raises(UserError, match="not a StyleGAN2 generator: it has no"):
        stylegan2_ada.import_generator(d)
    with pytest.raises(UserError, match="not a StyleGAN2 discriminator: it has no"):
        stylegan2_ada.import_discriminator(g)
    with pytest.raises(UserError, match="synthesis.b8.conv0.magnitude: not a parameter"):
        stylegan2_ada.import_generator({**g, "synthesis.b8.conv0.magnitude": np.ones(1)})
    skewed = g["synthesis.b4.resample_filter"] + np.eye(4)
    with pytest.raises(UserError, match="not the outer product"):
        stylegan2_ada.import_generator({**g, "synthesis.b4.resample_filter": skewed})
