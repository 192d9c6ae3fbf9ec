"""Equalized layers: unit variance at the start, and what a layer of slower learning stores."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.layers.equalized import EqualConv, EqualDense

KEY = jax.random.key(0)
LAYERS = {
    "dense": (EqualDense(256), (512, 128)),
    "slow dense": (EqualDense(256, lr_mult=0.01), (512, 128)),
    "1x1": (EqualConv(64, 1), (8, 12, 12, 32)),
    "3x3": (EqualConv(64, 3), (8, 12, 12, 32)),
    "3x3/2": (EqualConv(64, 3, stride=2), (8, 25, 25, 32)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_have_unit_variance_at_the_start(name):
    layer, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, variables = jax.jit(layer.init_with_output)(KEY, x)
    assert abs(np.std(y) - 1) < 0.05
    stored = np.std(variables["params"]["kernel"])
    assert abs(stored * layer.lr_mult - 1) < 0.05


def test_gain_and_lr_mult_scale_what_is_stored():
    x = jnp.ones((2, 16))
    layer = EqualDense(3, gain=2.0, lr_mult=0.1, bias_init=5.0)
    params = layer.init(KEY, x)["params"]
    np.testing.assert_allclose(params["bias"], 50.0, rtol=1e-6)
    want = x @ params["kernel"] * 2.0 * 0.1 / 4 + 5.0
    np.testing.assert_allclose(layer.apply({"params": params}, x), want, rtol=1e-5)


def test_outputs_have_the_images_dtype_and_parameters_are_float32():
    x = jnp.ones((1, 4, 4, 8), jnp.bfloat16)
    y, variables = EqualConv(8, 3, padding=1).init_with_output(KEY, x)
    assert y.dtype == jnp.bfloat16
    assert {p.dtype for p in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
