"""Layers steered by a style: modulated convolutions, noise and activation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.layers.modulated import StyleLayer, activate, modulated_conv2d
from jaxgan.nets.ops import upfirdn
from jaxgan.nets.ops.conv import conv2d, conv2d_transpose

KEY = jax.random.key(0)


def by_groups(x, kernel, style, demodulate, up):
    """As the paper has it: a kernel for each sample, made before anything is convolved."""
    out = []
    for image, s in zip(x, style, strict=True):
        own = kernel * s[:, None]
        if demodulate:
            own = own / jnp.sqrt(jnp.sum(own**2, axis=(0, 1, 2)) + 1e-8)
        if up:
            h = conv2d_transpose(image[None], own, stride=2)
            out.append(upfirdn.upfirdn2d(h, padding=((1, 1), (1, 1)), gain=4.0))
        else:
            out.append(conv2d(image[None], own, padding=((1, 1), (1, 1))))
    return jnp.concatenate(out)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution_is_one_kernel_per_sample(demodulate, up):
    rng = np.random.default_rng(0)
    x, kernel, style = (
        rng.normal(size=s).astype(np.float32) for s in ((3, 6, 6, 4), (3, 3, 4, 5), (3, 4))
    )

    def value_and_grads(f):
        def loss(*args):
            out = f(*args)
            return jnp.sum(jnp.sin(out)), out

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(x, kernel, style)

    ours = value_and_grads(lambda *a: modulated_conv2d(*a, demodulate=demodulate, up=up))
    theirs = value_and_grads(lambda *a: by_groups(*a, demodulate, up))
    for got, want in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


def test_demodulated_convolutions_keep_unit_variance():
    rng = np.random.default_rng(0)
    x, kernel, style = (
        rng.normal(size=s).astype("f") for s in ((8, 12, 12, 32), (3, 3, 32, 64), (8, 32))
    )
    inside = np.asarray(jax.jit(modulated_conv2d)(x, kernel, 3 * style))[:, 1:-1, 1:-1]
    assert abs(inside.std() - 1) < 0.05
    # Whatever the styles, for each sample alone.
    np.testing.assert_allclose(inside.std(axis=(1, 2, 3)), 1, atol=0.1)


def test_noise_is_random_in_training_and_its_strength_starts_at_zero():
    layer = StyleLayer(4, up=False, clamp=0.0, taps=upfirdn.FILTER)
    x, w = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("f"), np.ones((2, 5), "f")
    variables = jax.jit(layer.init, static_argnums=3)(KEY, x, w, "constant")
    assert variables["params"]["noise_strength"] == 0

    @jax.jit
    def draws(strength):
        params = {**variables["params"], "noise_strength": strength}
        return [
            layer.apply({**variables, "params": params}, x, w, noise, rngs={"noise": key})
            for noise, key in (("none", KEY), ("constant", KEY), ("random", KEY),
                               ("random", jax.random.key(1)))
        ]  # fmt: skip

    for out in draws(0.0)[1:]:
        np.testing.assert_array_equal(out, draws(0.0)[0])
    plain, fixed, a, b = map(np.asarray, draws(10.0))
    assert (a != b).all() and (a != fixed).all() and (fixed != plain).all()
    assert (a[0] - plain[0] != a[1] - plain[1]).all()


def test_the_clamp_scales_with_the_gain():
    x = jnp.array([-1e4, -1.0, 1.0, 1e4])
    np.testing.assert_allclose(activate(x, clamp=256.0)[jnp.array([0, 3])], [-256, 256])
    half = activate(x, 0.5, clamp=256.0)
    np.testing.assert_allclose(half, 0.5 * activate(x, clamp=256.0), rtol=1e-6)
    np.testing.assert_allclose(activate(x), np.where(x < 0, 0.2, 1) * x * np.sqrt(2), rtol=1e-6)
