"""Convolutions of doubled or halved images against the two operations one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jax import Array, export, lax

from jaxgan.benchmark import flops
from jaxgan.nets.ops.conv_resized import conv2d_halved, conv2d_resized, doubled_conv2d
from jaxgan.nets.ops.resize import downsample, upsample

FEW = settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def plain(x: Array, w: Array, *, padding: int) -> Array:
    spec = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), ((padding,) * 2,) * 2, dimension_numbers=spec)


PAIRS = {
    "doubled": (doubled_conv2d, lambda x, w, padding: plain(upsample(x), w, padding=padding)),
    "halved": (conv2d_halved, lambda x, w, padding: downsample(plain(x, w, padding=padding))),
}


def everything(f, x: Array, w: Array) -> list[Array]:
    """Value, gradients, and the gradients of a gradient penalty."""

    def loss(x, w):
        y = f(x, w)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape))) + jnp.sum(y**2) / 7

    def penalty(x, w):
        gx, gw = jax.grad(loss, (0, 1))(x, w)
        return jnp.sum(gx**2) + jnp.sum(gw**2) / 5

    run = jax.jit(lambda x, w: (f(x, w), jax.grad(loss, (0, 1))(x, w), jax.grad(penalty)(x, w)))
    return jax.tree.leaves(run(x, w))


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, Array, Array, int]:
    """A function's name, operands and a padding that leaves even sides to halve."""
    name, k = draw(st.sampled_from(sorted(PAIRS))), draw(st.sampled_from([1, 3, 5]))
    padding, channels = draw(st.integers(0, k - 1)), st.sampled_from([1, 3, 8])
    even = draw(st.integers(3, 4)) * 2
    h, w = (even, even + 2) if name == "halved" else (draw(st.integers(3, 6)), 5)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=(draw(st.integers(1, 3)), h, w, draw(channels)))
    kernel = rng.normal(size=(k, k, x.shape[-1], draw(channels)))
    return name, jnp.asarray(x, jnp.float32), jnp.asarray(kernel, jnp.float32), padding


@FEW
@given(problems())
def test_value_and_two_derivatives_equal_the_two_operations(problem):
    name, x, w, padding = problem
    ours, theirs = (
        everything(lambda x, w, f=f: f(x, w, padding=padding), x, w) for f in PAIRS[name]
    )
    for got, want in zip(ours, theirs, strict=True):
        assert got.shape == want.shape
        scale = max(float(jnp.abs(want).max()), 1e-3)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * scale)


def test_vmap_over_kernels():
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((2, 4, 6, 3), (3, 3, 3, 3, 2)))
    for ours, theirs in PAIRS.values():
        got = jax.vmap(lambda w, f=ours: f(x, w, padding=1))(w)
        want = jax.vmap(lambda w, f=theirs: f(x, w, padding=1))(w)
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_only_a_cpu_gets_the_rewritten_convolutions():
    x, w = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((4, 8, 8, 8), (3, 3, 8, 8)))

    def loss(x, w):
        h = doubled_conv2d(x, w, padding=1)
        return jnp.sum(conv2d_halved(h, w, padding=1) ** 2)

    gradients = jax.grad(loss, (0, 1))
    for platform in ("cuda", "tpu"):
        text = export.export(jax.jit(gradients), platforms=[platform])(x, w).mlir_module()
        assert "tensor<4x4x" not in text  # the spread kernel
        assert "dot_general" not in text and "stablehlo.case" not in text
    assert "tensor<4x4x" in jax.jit(gradients).lower(x, w).as_text()


def test_flops_are_those_of_the_smaller_image():
    x, w = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((4, 8, 8, 8), (3, 3, 8, 16)))
    both = flops.count(lambda x, w: plain(upsample(x), w, padding=1), x, w)
    assert flops.count(lambda x, w: doubled_conv2d(x, w, padding=1), x, w) * 9 == both * 4
    both = flops.count(lambda x, w: downsample(plain(x, w, padding=1)), x, w)
    assert flops.count(lambda x, w: conv2d_halved(x, w, padding=1), x, w) * 9 == both * 4


def test_odd_sides_oblong_kernels_and_double_resizing_are_refused():
    x, w = jnp.ones((1, 5, 5, 2)), jnp.ones((3, 3, 2, 2))
    with pytest.raises(ValueError, match="cannot halve"):
        conv2d_halved(x, w, padding=1)
    with pytest.raises(ValueError, match="square"):
        doubled_conv2d(x, jnp.ones((3, 1, 2, 2)), padding=1)
    with pytest.raises(ValueError, match="at most one"):
        conv2d_resized(x, w, stride=2, padding=1, up=True, down=False)
