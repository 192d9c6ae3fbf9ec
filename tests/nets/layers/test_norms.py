"""Every normalizer against NumPy, and the names that configs give them."""

import jax
import numpy as np
import pytest

from jaxgan.nets.layers import norms
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(1.5, 2.0, size=(6, 4, 4, 8)).astype(np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


def close(got, want, atol=2e-5):
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-4, atol=atol)


def random_like(params):
    """The same tree with every entry drawn anew: a scale of 1 would hide a mistake."""
    rng = np.random.default_rng(2)
    return jax.tree.map(lambda v: rng.normal(size=v.shape).astype(np.float32), params)


def standard(x, axes):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def test_layer_norm_takes_all_of_a_sample_and_scales_channels():
    norm = norms.LayerNorm()
    params = random_like(norm.init(KEY, X, True)["params"])
    affine = params["LayerNorm_0"]
    assert affine["scale"].shape == affine["bias"].shape == (8,)
    want = standard(X, (1, 2, 3)) * np.asarray(affine["scale"]) + np.asarray(affine["bias"])
    close(norm.apply({"params": params}, X, True), want)


@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_takes_each_channel_of_a_sample(affine):
    norm = norms.InstanceNorm(affine=affine)
    params = random_like(norm.init(KEY, X, True).get("params", {}))
    want = standard(X, (1, 2))
    if affine:
        want = want * np.asarray(params["scale"]) + np.asarray(params["bias"])
    else:
        assert not params
    close(norm.apply({"params": params}, X, True), want)


def test_pixel_norm_takes_each_position():
    want = X / np.sqrt((X**2).mean(-1, keepdims=True) + 1e-8)
    close(norms.PixelNorm().apply({}, X), want)


def test_batch_norm_trains_on_the_batch_and_evaluates_on_running_moments():
    norm = norms.BatchNorm()
    variables = norm.init(KEY, X, False)
    params = random_like(variables["params"])
    scale, bias = (np.asarray(params["BatchNorm_0"][name]) for name in ("scale", "bias"))
    variables = {"params": params, "batch_stats": variables["batch_stats"]}
    out, new = norm.apply(variables, X, True, mutable=["batch_stats"])
    close(out, standard(X, (0, 1, 2)) * scale + bias)
    moments = new["batch_stats"]["BatchNorm_0"]
    close(moments["mean"], 0.1 * X.mean((0, 1, 2)))
    close(moments["var"], 0.9 + 0.1 * X.var((0, 1, 2)))
    out = norm.apply({"params": params, **new}, X, False)
    mean, var = np.asarray(moments["mean"]), np.asarray(moments["var"])
    close(out, (X - mean) / np.sqrt(var + 1e-5) * scale + bias)


@pytest.mark.parametrize("vectors", [False, True])
def test_conditional_batch_norm_scales_and_shifts_by_condition(vectors):
    norm = norms.ConditionalBatchNorm(classes=3)
    y = np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32) if vectors else Y
    variables = norm.init(KEY, X, False, y)
    plain, _ = norm.apply(variables, X, True, y, mutable=["batch_stats"])
    close(plain, standard(X, (0, 1, 2)))  # every class starts as plain BatchNorm
    params = random_like(variables["params"])
    ((_, table),) = jax.tree.leaves_with_path(params)
    rows = y @ np.asarray(table) if vectors else np.asarray(table)[Y]
    scale, bias = rows[:, None, None, :8], rows[:, None, None, 8:]
    variables = {"params": params, "batch_stats": variables["batch_stats"]}
    out, _ = norm.apply(variables, X, True, y, mutable=["batch_stats"])
    close(out, standard(X, (0, 1, 2)) * (1 + scale) + bias)


def test_adain_takes_scale_and_bias_from_the_style():
    norm, w = norms.AdaIN(), np.random.default_rng(1).normal(size=(6, 5)).astype(np.float32)
    params = random_like(norm.init(KEY, X, w)["params"])
    dense = {name: np.asarray(value) for name, value in params["Dense_0"].items()}
    style = (w @ dense["kernel"] + dense["bias"])[:, None, None]
    want = standard(X, (1, 2)) * (1 + style[..., :8]) + style[..., 8:]
    close(norm.apply({"params": params}, X, w), want, atol=1e-4)


def test_a_name_finds_its_normalizer_or_is_refused():
    assert norms.named("ConditionalBatchNorm", 7)().classes == 7
    assert isinstance(norms.named("LayerNorm", 7)(), norms.LayerNorm)
    np.testing.assert_array_equal(norms.named("Identity", 0)().apply({}, X, True), X)
    with pytest.raises(UserError, match="did you mean 'BatchNorm'"):
        norms.named("Batchnorm", 0)
