"""The convolutions of jaxgan.nets.conv against plain lax ones, to the second derivative."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import Array, lax

from jaxgan.nets import conv

SPEC = ("NHWC", "HWIO", "NHWC")
FEW = settings(
    max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
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
