"""Grouped convolutions against lax's: value, two derivatives, other platforms, speed's rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array, export, lax

from jaxgan.benchmark import flops
from jaxgan.nets.ops import conv_grouped
from jaxgan.nets.ops.conv_grouped import grouped_conv2d


def plain(x: Array, w: Array, *, groups: int, padding: int) -> Array:
    return lax.conv_general_dilated(
        x, w, (1, 1), ((padding,) * 2,) * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )  # fmt: skip


def everything(f, x: Array, w: Array) -> list[Array]:
    """Value, gradients, the gradients of a gradient penalty, and a forward derivative of it."""

    def loss(x, w):
        y = f(x, w)
        return jnp.sum(y * jnp.cos(jnp.arange(y.size).reshape(y.shape))) + jnp.sum(y**2) / 7

    def penalty(x, w):
        gx, gw = jax.grad(loss, (0, 1))(x, w)
        return jnp.sum(gx**2) + jnp.sum(gw**2) / 5

    def run(x, w):
        second = jax.grad(penalty, (0, 1))(x, w)
        return f(x, w), jax.grad(loss, (0, 1))(x, w), second, jax.jvp(penalty, (x, w), (x, w))

    return jax.tree.leaves(jax.jit(run)(x, w))


@pytest.mark.parametrize(
    ("groups", "c_in", "c_out", "k", "padding", "size"),
    [
        (2, 3, 4, 3, 1, (5, 6)),
        (5, 2, 2, 3, 0, (4, 4)),
        (1, 4, 3, 3, 1, (4, 3)),
        (4, 1, 2, 1, 0, (3, 3)),  # of single channels
        (4, 16, 16, 3, 1, (4, 4)),
        (30, 2, 3, 3, 1, (4, 5)),  # in 15 slabs of two groups
        (51, 1, 1, 3, 1, (4, 16)),  # by lax, as three would be merged
        (51, 1, 1, 3, 1, (16, 16)),  # in 17 slabs of three
    ],
)
def test_value_and_two_derivatives_are_laxs(groups, c_in, c_out, k, padding, size):
    rng = np.random.default_rng(groups)
    x = jnp.asarray(rng.normal(size=(3, *size, groups * c_in)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(k, k, c_in, groups * c_out)), jnp.float32)
    options = {"groups": groups, "padding": padding}
    got, want = (
        everything(lambda x, w, f=f: f(x, w, **options), x, w) for f in (grouped_conv2d, plain)
    )
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape
        scale = max(float(jnp.abs(b).max()), 1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * scale)


def test_vmap_over_kernels_and_over_images():
    rng = np.random.default_rng(0)
    x, w = (
        jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((2, 2, 4, 4, 6), (2, 3, 3, 3, 4))
    )
    options = {"groups": 2, "padding": 1}
    for axes in ((0, 0), (None, 0), (0, None)):
        operands = [a if axis == 0 else a[0] for a, axis in zip((x, w), axes, strict=True)]
        got, want = (
            jax.vmap(lambda x, w, f=f: f(x, w, **options), axes)(*operands)
            for f in (grouped_conv2d, plain)
        )
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_only_a_cpu_gets_a_convolution_for_each_slab():
    x, w = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((4, 8, 8, 32), (3, 3, 8, 32)))

    def gradients(f):
        return jax.jit(jax.grad(lambda x, w: jnp.sum(f(x, w, groups=4, padding=1) ** 2), (0, 1)))

    ours, theirs = gradients(grouped_conv2d), gradients(plain)
    for platform in ("cuda", "tpu"):
        texts = [export.export(f, platforms=[platform])(x, w).mlir_module() for f in (ours, theirs)]
        counts = [(t.count("stablehlo.convolution"), t.count("_group_count = 4")) for t in texts]
        assert counts[0] == counts[1] and counts[0][0] == 3
        assert "stablehlo.dot" not in texts[0] and "stablehlo.case" not in texts[0]
    assert "_group_count = 4" not in ours.lower(x, w).as_text()


def test_many_groups_are_merged_into_few_slabs():
    for groups, slabs in ((1, 1), (24, 24), (25, 5), (48, 24), (96, 24), (97, 1)):
        assert groups // conv_grouped._merged(groups) == slabs


def test_flops_are_those_of_the_groups_alone():
    x, w = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((4, 8, 8, 32), (3, 3, 8, 48)))
    step = flops.count(lambda x, w: grouped_conv2d(x, w, groups=4, padding=1), x, w)
    assert step == 2 * 4 * 8 * 8 * 48 * 9 * 8


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 groups do not fit"):
        grouped_conv2d(jnp.ones((1, 4, 4, 8)), jnp.ones((3, 3, 2, 9)), groups=3, padding=1)
