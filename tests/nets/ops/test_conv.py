"""The convolutions of jaxgan.nets.ops.conv against plain lax ones, to the second derivative."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import Array, export, lax

from jaxgan.nets.ops import conv, conv_cpu

SPEC = ("NHWC", "HWIO", "NHWC")
FEW = settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def lax_conv2d(x: Array, w: Array, *, stride: int, padding: conv.Padding) -> Array:
    return lax.conv_general_dilated(x, w, (stride, stride), padding, dimension_numbers=SPEC)


def lax_conv2d_transpose(x: Array, w: Array, *, stride: int, padding: conv.Padding) -> Array:
    """The documented convention, by lhs_dilation."""
    kh, kw = w.shape[:2]
    (top, bottom), (left, right) = padding
    pads = ((kh - 1 - top, kh - 1 - bottom), (kw - 1 - left, kw - 1 - right))
    return lax.conv_general_dilated(
        x, w[::-1, ::-1], (1, 1), pads, lhs_dilation=(stride, stride), dimension_numbers=SPEC
    )


PAIRS = {
    "conv2d": (conv.conv2d, lax_conv2d),
    "conv2d_transpose": (conv.conv2d_transpose, lax_conv2d_transpose),
}


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, Array, Array, dict]:
    """A function's name, operands and options whose output is not empty."""
    name = draw(st.sampled_from(sorted(PAIRS)))
    kh = draw(st.sampled_from([1, 3, 4, 7]))
    kw = draw(st.sampled_from([kh, kh, 3]))
    stride = draw(st.sampled_from([1, 2]))
    pad = st.integers(0, 3)
    padding = ((draw(pad), draw(pad)), (draw(pad), draw(pad)))
    h, w = (draw(st.integers(k if name == "conv2d" else 4, 9)) for k in (kh, kw))
    if name == "conv2d_transpose" and min(kh, kw) == 1:
        padding = ((0, 1), (1, 0))
    channels = st.sampled_from([1, 3, 8])
    c_in, c_out = draw(channels), draw(channels)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = jnp.asarray(rng.normal(size=(draw(st.integers(1, 3)), h, w, c_in)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(kh, kw, c_in, c_out)), jnp.float32)
    return name, x, kernel, {"stride": stride, "padding": padding}


def assert_close(got: Array, want: Array) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape and got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(np.abs(want).max(), 1e-3))


def derivatives(f, x: Array, w: Array, order: int) -> list[Array]:
    """Value, gradients and the gradients of a scalar of the gradients."""

    def loss(x, w):
        y = f(x, w)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape))) + jnp.sum(y**2) / 7

    def penalty(x, w):
        gx, gw = jax.grad(loss, (0, 1))(x, w)
        return jnp.sum(gx**2) + jnp.sum(gw**2) / 5

    def everything(x, w):
        out = [f(x, w), *jax.grad(loss, (0, 1))(x, w)]
        return out + list(jax.grad(penalty, (0, 1))(x, w)) if order > 1 else out

    return jax.jit(everything)(x, w)


@FEW
@given(problems())
def test_value_and_two_derivatives_equal_lax(problem):
    name, x, w, options = problem
    ours, theirs = (derivatives(lambda x, w, f=f: f(x, w, **options), x, w, 2) for f in PAIRS[name])
    for got, want in zip(ours, theirs, strict=True):
        assert_close(got, want)


def test_forward_mode_equals_lax():
    x, w = jnp.ones((2, 6, 5, 3)).at[0, 2].set(2.0), jnp.arange(4 * 4 * 3 * 2.0).reshape(4, 4, 3, 2)
    options = {"stride": 2, "padding": ((1, 1), (1, 2))}
    tangents = (jnp.cos(x), jnp.sin(w))
    for ours, theirs in PAIRS.values():
        got, want = (
            jax.jvp(lambda x, w, f=f: f(x, w, **options), (x, w), tangents)[1]
            for f in (ours, theirs)
        )
        assert_close(got, want)


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "stride", "padding"),
    [
        ((2, 8, 8, 8), (4, 4, 8, 4), 2, ((1, 1), (1, 1))),
        ((2, 8, 8, 32), (3, 3, 32, 32), 1, ((1, 1), (1, 1))),
        ((2, 4, 4, 16), (4, 4, 16, 1), 1, ((0, 0), (0, 0))),
        ((2, 12, 12, 3), (7, 7, 3, 8), 1, ((3, 3), (3, 3))),
        ((2, 9, 8, 8), (3, 3, 8, 16), 2, ((1, 1), (1, 1))),
    ],
)
def test_taps_in_a_loop_and_unrolled_agree_with_lax(x_shape, w_shape, stride, padding, monkeypatch):
    """Both sides of the memory cap, on the shapes the recipes use."""
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in (x_shape, w_shape))
    options = {"stride": stride, "padding": padding}
    want = derivatives(lambda x, w: lax_conv2d(x, w, **options), x, w, 1)
    for cap in (0, 2**26):
        monkeypatch.setattr(conv_cpu, "COPIES", cap)
        got = derivatives(lambda x, w: conv.conv2d(x, w, **options), x, w, 1)
        for a, b in zip(got, want, strict=True):
            assert_close(a, b)


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "padding"),
    [
        ((1, 33, 32, 17), (3, 3, 17, 16), ((1, 1), (0, 2))),  # one row more, then cropped
        ((2, 3, 4, 16), (3, 3, 16, 128), ((1, 1), (1, 1))),
        ((2, 5, 4, 8), (1, 1, 8, 6), ((0, 0), (0, 0))),  # a product
        ((2, 9, 8, 16), (3, 3, 16, 2), ((2, 0), (1, 1))),  # a product for all taps
        ((2, 9, 8, 16), (2, 2, 16, 12), ((1, 1), (1, 0))),
        ((2, 9, 8, 17), (7, 7, 17, 3), ((0, 0), (0, 0))),  # one row more, without padding
        ((2, 3, 3, 8), (4, 4, 8, 20), ((2, 2), (1, 2))),  # a kernel larger than the images
    ],
)
def test_every_stride_one_algorithm_equals_lax(x_shape, w_shape, padding):
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in (x_shape, w_shape))
    options = {"stride": 1, "padding": padding}
    got = derivatives(lambda x, w: conv.conv2d(x, w, **options), x, w, 2)
    want = derivatives(lambda x, w: lax_conv2d(x, w, **options), x, w, 2)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b)


def test_input_gradient_of_padding_beyond_the_kernel():
    """XLA's own is wrong there on a CPU: it reads before the image."""
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=s).astype(np.float32) for s in ((2, 6, 5, 16), (3, 3, 16, 12)))
    pads, inner = ((0, 0), (3, 1), (4, 0), (0, 0)), ((0, 0), (1, 1), (2, 0))

    def grads(f):
        return jax.jit(jax.grad(lambda x, w: jnp.sum(jnp.sin(f(x, w))), (0, 1)))(x, w)

    got = grads(lambda x, w: conv.conv2d(x, w, padding=(pads[1], pads[2])))
    more = tuple((a - lo, b - hi) for (a, b), (lo, hi) in zip(pads[1:3], inner[1:], strict=True))
    want = grads(
        lambda x, w: lax_conv2d(jnp.pad(x, ((0, 0), *more, (0, 0))), w, stride=1, padding=inner[1:])
    )
    for a, b in zip(got, want, strict=True):
        assert_close(a, b)


def test_the_transpose_has_pytorchs_sizes():
    x = jnp.ones((1, 5, 7, 2))
    y = conv.conv2d_transpose(x, jnp.ones((4, 3, 2, 6)), stride=2, padding=((1, 0), (2, 1)))
    assert y.shape == (1, 4 * 2 - 1 + 4, 6 * 2 - 3 + 3, 6)


def test_the_transpose_does_not_flip_the_kernel():
    w = jnp.arange(16.0).reshape(4, 4, 1, 1)
    y = conv.conv2d_transpose(jnp.ones((1, 1, 1, 1)), w, padding=((1, 1), (1, 1)))
    np.testing.assert_array_equal(y[0, :, :, 0], w[1:3, 1:3, 0, 0])


def test_the_transpose_is_the_input_gradient_of_conv2d():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, 8, 8, 3)), rng.normal(size=(4, 4, 3, 5))
    x, w = jnp.asarray(x, jnp.float32), jnp.asarray(w, jnp.float32)
    padding = ((1, 1), (1, 1))
    y, vjp = jax.vjp(lambda x: conv.conv2d(x, w, stride=2, padding=padding), x)
    assert_close(conv.conv2d_transpose(y, w.swapaxes(2, 3), padding=padding), vjp(y)[0])


@pytest.mark.parametrize("mapped", [(0, None), (None, 3), (1, 0)])
@pytest.mark.parametrize("name", sorted(PAIRS))
def test_vmap_of_value_and_gradient(name, mapped):
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=s).astype("f") for s in ((2, 5, 6, 3), (4, 4, 3, 2)))
    x, w = (
        v if axis is None else np.stack([v, 2 * v + 1], axis)
        for v, axis in zip((x, w), mapped, strict=True)
    )
    ours, theirs = (
        jax.vmap(
            jax.value_and_grad(
                lambda x, w, f=f: jnp.sum(f(x, w, stride=2, padding=((1, 1), (1, 0))) ** 2), (0, 1)
            ),
            mapped,
        )
        for f in PAIRS[name]
    )
    for got, want in zip(jax.tree.leaves(ours(x, w)), jax.tree.leaves(theirs(x, w)), strict=True):
        assert_close(got, want)


def test_per_sample_gradients_nested_vmap_and_remat():
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, 3, 1, 6, 6, 2)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(3, 3, 2, 4)), jnp.float32)

    def grads(f):
        g = jax.grad(lambda w, x: jnp.sum(jax.checkpoint(f)(x, w) ** 2))
        return jax.vmap(jax.vmap(g, (None, 0)), (None, 0))(w, x)

    options = {"stride": 1, "padding": ((1, 1), (1, 1))}
    ours, theirs = (grads(lambda x, w, f=f: f(x, w, **options)) for f in PAIRS["conv2d"])
    assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_dtype_is_kept(dtype):
    x, w = jnp.ones((2, 6, 6, 8), dtype), jnp.ones((4, 4, 8, 8), dtype)
    for f, _ in PAIRS.values():
        grads = jax.grad(lambda x, w, f=f: f(x, w, stride=2).sum(), (0, 1))(x, w)
        assert {f(x, w, stride=2).dtype, *(g.dtype for g in grads)} == {jnp.dtype(dtype)}


def test_sharded_batch_under_jit_and_shard_map():
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("batch")
    x = jax.device_put(jnp.ones((2, 6, 6, 3)), jax.sharding.NamedSharding(mesh, spec))
    w = jnp.ones((4, 4, 3, 5))
    for f, plain in PAIRS.values():

        def loss(w, x, f=f):
            return jnp.sum(f(x, w, stride=2, padding=((1, 1), (1, 1))) ** 2)

        want = jax.grad(loss)(w, x, plain)
        assert_close(jax.jit(jax.grad(loss))(w, x), want)
        local = jax.shard_map(
            jax.grad(loss), mesh=mesh, in_specs=(jax.sharding.PartitionSpec(), spec),
            out_specs=jax.sharding.PartitionSpec(),
        )  # fmt: skip
        # check_vma: the gradient of the replicated kernel arrives summed over devices.
        assert_close(jax.jit(local)(w, x), want)


def all_orders(x: Array, w: Array) -> tuple:
    """Value, gradients, and gradients of a gradient penalty of a strided pair of layers."""

    def f(x, w):
        h = conv.conv2d(x, w, stride=2, padding=((1, 1), (1, 1)))
        return conv.conv2d_transpose(jnp.tanh(h), w.swapaxes(2, 3), padding=((1, 1), (1, 1)))

    def penalty(x, w):
        return jnp.sum(jax.grad(lambda x: jnp.sum(f(x, w) ** 2))(x) ** 2)

    return f(x, w), jax.grad(penalty, (0, 1))(x, w)


SHAPES = (
    jax.ShapeDtypeStruct((4, 16, 16, 8), "float32"),
    jax.ShapeDtypeStruct((4, 4, 8, 16), "float32"),
)


@pytest.mark.parametrize("platforms", [["cuda"], ["rocm"], ["tpu"], ["cuda", "tpu"]])
def test_accelerators_get_plain_convolutions_only(platforms):
    text = export.export(jax.jit(all_orders), platforms=platforms)(*SHAPES).mlir_module()
    assert text.count("stablehlo.convolution") >= 8
    # With two platforms lax itself chooses between two lowerings of one convolution.
    branch = ["stablehlo.case"] if len(platforms) == 1 else []
    for rewrite in ["dot_general", "stablehlo.while", "concatenate", "dynamic_slice", *branch]:
        assert rewrite not in text, rewrite


def test_cpu_program_has_no_branch_and_no_dilated_convolution():
    lowered = jax.jit(all_orders).lower(*SHAPES)
    assert "stablehlo.case" not in lowered.as_text()
    assert "dot_general" in lowered.as_text()
    compiled = lowered.compile().as_text()
    assert " conditional(" not in compiled
    assert not re.search(r" convolution\(.*(lhs|rhs)_dilate", compiled)


def test_errors_name_the_shapes():
    x, w = jnp.ones((1, 2, 2, 3)), jnp.ones((4, 4, 3, 5))
    with pytest.raises(ValueError, match="exceeds"):
        conv.conv2d(x, w)
    with pytest.raises(ValueError, match="want x"):
        conv.conv2d(x, w.swapaxes(2, 3))
    with pytest.raises(ValueError, match="crops everything"):
        conv.conv2d_transpose(x, w, padding=((4, 4), (0, 0)))
