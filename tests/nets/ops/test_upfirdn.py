"""FIR resampling against its definition, and to the second derivative against lax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jaxgan.nets.ops import upfirdn

CASES = {
    "blur": {"padding": ((1, 1), (1, 1)), "gain": 4.0},
    "up": {"up": 2, "padding": ((2, 1), (2, 1)), "gain": 4.0},
    "down": {"down": 2, "padding": ((1, 1), (1, 1))},
    "odd": {"f": (1.0, 2.0, 5.0), "up": 2, "down": 3, "padding": ((3, -1), (0, 2)), "gain": 2.0},
    "crop": {"f": (1.0, -0.5), "up": 3, "down": 2, "padding": ((-2, 1), (1, -3))},
    "sparse": {"f": (1.0, 2.0), "up": 3, "padding": ((1, 0), (0, 1))},
}
X = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype(np.float32)


def by_definition(x, f=upfirdn.FILTER, up=1, down=1, padding=((0, 0), (0, 0)), gain=1.0):
    """Zeros, padding, one true convolution per pixel, every `down`-th kept."""
    n, height, width, channels = x.shape
    wide = np.zeros((n, height * up, width * up, channels))
    wide[:, ::up, ::up] = x
    wide = np.pad(wide, [(0, 0), *[(max(a, 0), max(b, 0)) for a, b in padding], (0, 0)])
    for axis, (a, b) in enumerate(padding, 1):
        stop = wide.shape[axis] - max(-b, 0)
        wide = np.take(wide, range(max(-a, 0), stop), axis)
    k, kernel = len(f), np.outer(f, f)[::-1, ::-1] / sum(f) ** 2 * gain
    rows, cols = (m - k + 1 for m in wide.shape[1:3])
    out = np.zeros((n, rows, cols, channels))
    for i, j in np.ndindex(rows, cols):
        out[:, i, j] = np.einsum("nijc,ij->nc", wide[:, i : i + k, j : j + k], kernel)
    return out[:, ::down, ::down]


def by_lax(x, f=upfirdn.FILTER, up=1, down=1, padding=((0, 0), (0, 0)), gain=1.0):
    """A depthwise convolution."""
    channels = x.shape[-1]
    kernel = np.outer(f, f)[::-1, ::-1] / sum(f) ** 2 * gain
    kernel = jnp.tile(jnp.asarray(kernel, x.dtype)[:, :, None, None], (1, 1, 1, channels))
    return lax.conv_general_dilated(
        x,
        kernel,
        (down, down),
        [(a, b + up - 1) for a, b in padding],
        lhs_dilation=(up, up),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )


@pytest.mark.parametrize("name", CASES)
def test_value_is_the_definitions(name):
    got, want = upfirdn.upfirdn2d(jnp.asarray(X), **CASES[name]), by_definition(X, **CASES[name])
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_value_and_two_derivatives_equal_lax(name):
    def everything(f):
        def loss(x):
            return jnp.sum(jnp.sin(f(x, **CASES[name])) ** 2)

        def penalty(x):
            return jnp.sum(jnp.tanh(jax.grad(loss)(x)) ** 2)

        def tangent(x):
            return jax.jvp(jax.grad(loss), (x,), (jnp.cos(x),))[1]

        return jax.jit(lambda x: (f(x, **CASES[name]), jax.grad(loss)(x), jax.grad(penalty)(x),
                                  tangent(x)))(X)  # fmt: skip

    for got, want in zip(everything(upfirdn.upfirdn2d), everything(by_lax), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())


def test_vmap_folds_into_the_batch():
    x = np.stack([X, 2 * X], 3)
    got = jax.vmap(jax.value_and_grad(lambda x: jnp.sum(upfirdn.upsample(x) ** 2)), 3)(x)
    for i in range(2):
        want = jax.value_and_grad(lambda x: jnp.sum(upfirdn.upsample(x) ** 2))(x[:, :, :, i])
        np.testing.assert_allclose(got[0][i], want[0], rtol=1e-5)
        np.testing.assert_allclose(got[1][i], want[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("f", [upfirdn.FILTER, (1.0, 2.0, 1.0), (1.0, 1.0)])
def test_constants_stay_inside_the_edges_and_the_mean_gain_is_one(f):
    ones = jnp.ones((1, 8, 10, 2))
    up, down = upfirdn.upsample(ones, f), upfirdn.downsample(ones, f)
    assert up.shape == (1, 16, 20, 2) and down.shape == (1, 4, 5, 2)
    for image in (up, down, upfirdn.downsample(up, f)):
        np.testing.assert_allclose(image[:, 2:-2, 2:-2], 1, rtol=1e-6)
    # The sum of an image is four times as large after upsampling, a quarter after downsampling.
    dot = jnp.zeros((1, 16, 16, 1)).at[0, 4:6, 8:10].set(0.25)
    np.testing.assert_allclose(upfirdn.upsample(dot, f).sum(), 4, rtol=1e-6)
    np.testing.assert_allclose(upfirdn.downsample(dot, f).sum(), 0.25, rtol=1e-6)


def test_dtype_is_kept_and_sums_are_float32s():
    x = jnp.asarray(X, jnp.bfloat16)
    y, vjp = jax.vjp(upfirdn.upsample, x)
    assert y.dtype == vjp(y)[0].dtype == jnp.bfloat16
    want = upfirdn.upsample(x.astype(jnp.float32)).astype(jnp.bfloat16)
    np.testing.assert_array_equal(y.astype(jnp.float32), want.astype(jnp.float32))


def test_shard_map_keeps_the_mesh_axes():
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("data")
    mapped = jax.shard_map(jax.grad(lambda x: jnp.sum(upfirdn.downsample(x) ** 2)), mesh=mesh,
                           in_specs=spec, out_specs=spec)  # fmt: skip
    want = jax.grad(lambda x: jnp.sum(upfirdn.downsample(x) ** 2))(X)
    np.testing.assert_allclose(jax.jit(mapped)(X), want, atol=1e-6)


def test_no_convolution_is_left_in_the_program():
    def loss(x):
        return jnp.sum(upfirdn.upsample(upfirdn.downsample(x)) ** 2)

    text = jax.jit(jax.grad(loss)).lower(X).as_text()
    assert "convolution" not in text and "scatter" not in text


def test_errors_name_the_shapes():
    with pytest.raises(ValueError, match="exceeds images"):
        upfirdn.upfirdn2d(jnp.ones((1, 2, 2, 1)))
