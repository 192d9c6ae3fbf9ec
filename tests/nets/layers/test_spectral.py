"""Spectral normalization: sigma, when u is written, its gradient, and the bound it gives."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import dcgan
from jaxgan.nets.layers.basic import Conv, Dense, Embed, flatten, leaky_relu

KEY = jax.random.key(0)


class Single(nn.Module):
    """One layer, called as a net is."""

    layer: nn.Module

    @nn.compact
    def __call__(self, x, y=None, *, train):
        return self.layer(x)


CASES = {
    "dense": (Dense(12, spectral=True), jnp.ones((2, 20)), (20, 12)),
    "conv": (Conv(12, 3, padding=1, spectral=True), jnp.ones((2, 4, 4, 5)), (45, 12)),
    "embed": (Embed(10, 12, spectral=True), jnp.arange(2), (10, 12)),
}


@functools.cache
def build(name):
    layer, x, shape = CASES[name]
    net = pure(Single(layer))
    params, stats = jax.jit(net.init)(KEY, x)
    net = net._replace(apply=jax.jit(net.apply, static_argnames=("train", "frozen")))
    return net, params, stats, x, np.asarray(params["layer"]["kernel"]).reshape(shape)


def u_of(stats):
    return np.asarray(stats["spectral"]["layer"]["u"])


def after(net, params, stats, x, n):
    """Statistics after n training forwards."""

    def forward(stats, _):
        return net.apply(params, stats, x, train=True)[1], None

    return jax.jit(lambda s: jax.lax.scan(forward, s, length=n)[0])(stats)


@pytest.mark.parametrize("name", CASES)
def test_sigma_is_the_largest_singular_value_after_fifty_forwards(name):
    net, params, stats, x, w = build(name)
    assert u_of(stats).shape == (1, w.shape[1])
    u = u_of(after(net, params, stats, x, 50))
    assert u.shape == (1, w.shape[1])
    np.testing.assert_allclose(np.linalg.norm(u), 1, rtol=1e-5)
    v = u @ w.T
    sigma = float((v / np.linalg.norm(v) @ w @ u.T).squeeze())
    np.testing.assert_allclose(sigma, np.linalg.svd(w, compute_uv=False)[0], rtol=1e-3)


@pytest.mark.parametrize("name", CASES)
def test_a_layer_computes_with_its_kernel_over_sigma(name):
    net, params, stats, x, w = build(name)
    stats = after(net, params, stats, x, 50)
    got, _ = net.apply(params, stats, x, train=False)
    divided = jax.tree.map(
        lambda p: p / np.linalg.svd(w, compute_uv=False)[0] if p.ndim > 1 else p, params
    )
    plain = pure(Single(CASES[name][0].clone(spectral=False)))
    want, _ = plain.apply(divided, {}, x, train=False)
    np.testing.assert_allclose(got, want, rtol=2e-3, atol=1e-6)


def test_one_forward_is_one_power_iteration():
    net, params, stats, x, w = build("conv")
    u = u_of(stats)
    v = u @ w.T / np.linalg.norm(u @ w.T)
    want = v @ w / np.linalg.norm(v @ w)
    out, new = net.apply(params, stats, x, train=True)
    np.testing.assert_allclose(u_of(new), want, rtol=1e-4, atol=1e-6)
    plain = pure(Single(Conv(12, 3, padding=1)))
    sigma = (want @ w.T @ v.T).item()
    divided = jax.tree.map(lambda p: p / sigma if p.ndim > 1 else p, params)
    np.testing.assert_allclose(
        out, plain.apply(divided, {}, x, train=True)[0], rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", CASES)
def test_u_is_written_in_training_only_and_not_where_frozen(name):
    net, params, stats, x, _ = build(name)
    _, trained = net.apply(params, stats, x, train=True)
    _, frozen = net.apply(params, stats, x, train=True, frozen=("spectral",))
    _, evaluated = net.apply(params, stats, x, train=False)
    assert (u_of(trained) != u_of(stats)).any()
    np.testing.assert_array_equal(u_of(frozen), u_of(stats))
    np.testing.assert_array_equal(u_of(evaluated), u_of(stats))


@pytest.mark.parametrize("frozen", [(), ("spectral",)])
@pytest.mark.parametrize("name", CASES)
def test_u_and_v_are_constants_to_the_gradient(name, frozen):
    """d<C, W/sigma>/dW = (C - <C, W>/sigma u v^T) / sigma, whether or not u has converged."""
    net, params, stats, x, w = build(name)
    if name == "embed":
        x = jnp.arange(10)
    stats = after(net, params, stats, x, 2)
    u = u_of(stats)
    v = u @ w.T / np.linalg.norm(u @ w.T)
    if not frozen:
        u = v @ w / np.linalg.norm(v @ w)
    sigma = (v @ w @ u.T).item()

    def loss(params, spectral):
        layer = pure(Single(CASES[name][0].clone(spectral=spectral)))
        kept = stats if spectral else {}
        out, _ = layer.apply(params, kept, x, train=True, frozen=frozen)
        return jnp.sum(out * jnp.cos(jnp.arange(out.size)).reshape(out.shape))

    # The loss is linear in the kernel, so that its plain gradient is C at every kernel.
    c, got = (
        np.asarray(
            jax.jit(jax.grad(functools.partial(loss, spectral=s)))(params)["layer"]["kernel"]
        )
        for s in (False, True)
    )
    c, got = c.reshape(w.shape), got.reshape(w.shape)
    want = (c - np.sum(c * w) / sigma * (v.T @ u)) / sigma
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4 * np.abs(want).max())


class Patches(nn.Module):
    """A critic whose layers are 1-Lipschitz once sigma(W) is 1.

    Its convolutions' windows do not overlap, so that each is one matrix on disjoint patches and W
    as (C_out, -1) has the operator's own norm; overlapping windows can stretch by more than
    sigma(W), and a residual block x + f(x) by 2. LeakyReLU has slopes 0.2 and 1.
    """

    @nn.compact
    def __call__(self, x, y=None, *, train):
        h = leaky_relu(Conv(8, 4, stride=4, spectral=True)(x))
        h = leaky_relu(Conv(8, 2, stride=2, spectral=True)(h))
        return Dense(1, spectral=True)(leaky_relu(Dense(16, spectral=True)(flatten(h))))[:, 0]


def slopes(net, params, stats, x):
    def total(x):
        return net.apply(params, stats, x, train=False)[0].sum()

    return np.linalg.norm(np.asarray(jax.jit(jax.grad(total))(x)).reshape(len(x), -1), axis=1)


def test_a_trained_critic_is_1_lipschitz():
    """Trained to be as steep as it can: the bound holds, and is nearly reached."""
    net = pure(Patches())
    noise = jax.random.normal(KEY, (2, 32, 16, 16, 1))
    real, fake = 0.3 * noise[0] + 1, 0.3 * noise[1] - 1
    params, stats = jax.jit(net.init)(KEY, real)
    tx = optax.adam(3e-3)

    def step(carry, _):
        params, stats, opt = carry

        def loss(params):
            a, new = net.apply(params, stats, real, train=True)
            b, _ = net.apply(params, new, fake, train=True, frozen=("spectral",))
            return jnp.mean(b - a), new

        grads, stats = jax.grad(loss, has_aux=True)(params)
        updates, opt = tx.update(grads, opt)
        return (optax.apply_updates(params, updates), stats, opt), None

    start = params, stats, tx.init(params)
    params, stats, _ = jax.jit(lambda c: jax.lax.scan(step, c, length=300)[0])(start)
    stats = after(net, params, stats, real, 50)
    between = jnp.linspace(0, 1, 32)[:, None, None, None]
    x = jnp.concatenate([real, fake, real + between * (fake - real), 3 * noise[0]])
    assert 0.7 < slopes(net, params, stats, x).max() <= 1.05


def test_the_slopes_of_dcgans_critic_measure_below_the_bound():
    """Its windows overlap, so this one is measured, not guaranteed."""
    net = pure(dcgan.Discriminator((16, 16, 1), width=8, norm="Identity", spectral=True))
    x = jax.random.uniform(KEY, (16, 16, 16, 1), minval=-1.0)
    params, stats = jax.jit(net.init)(KEY, x)
    assert len(stats["spectral"]) == 3
    stats = after(net, params, stats, x, 50)
    assert 0 < slopes(net, params, stats, x).max() <= 1.05
