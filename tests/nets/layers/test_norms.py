"""Every normaliser against NumPy, attention by hand."""

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


@pytest.mark.parametrize(("n", "group"), [(6, 3), (6, 2), (2, 4)])
def test_minibatch_std_is_one_number_for_each_strided_group(n, group):
    out = np.asarray(norms.MinibatchStd(group=group).apply({}, X[:n]))
    assert out.shape == (n, 4, 4, 9)
    np.testing.assert_array_equal(out[..., :8], X[:n])
    size = min(group, n)
    for i in range(n):
        mates = X[:n][i % (n // size) :: n // size]
        assert len(mates) == size
        close(out[i, ..., 8], np.sqrt(mates.var(0) + 1e-8).mean())


def test_minibatch_std_in_several_channels_takes_equal_parts_of_the_features():
    out = np.asarray(norms.MinibatchStd(group=3, channels=2).apply({}, X))
    assert out.shape == (6, 4, 4, 10)
    for part in range(2):
        half = norms.MinibatchStd(group=3).apply({}, X[..., 4 * part : 4 * part + 4])
        close(out[..., 8 + part], half[..., 4])


def attention_by_hand(x, params):
    """Softmax over 2x2-max-pooled keys, for each position of each image alone."""
    kernels = [np.asarray(params[f"Conv_{i}"]["kernel"])[0, 0] for i in range(4)]

    def pooled(h):
        height, width, channels = h.shape
        return h.reshape(height // 2, 2, width // 2, 2, channels).max((1, 3)).reshape(-1, channels)

    out = np.zeros_like(x)
    for n, image in enumerate(x):
        keys, values = pooled(image @ kernels[1]), pooled(image @ kernels[2])
        for i, j in np.ndindex(image.shape[:2]):
            scores = keys @ (image[i, j] @ kernels[0])
            weights = np.exp(scores - scores.max())
            out[n, i, j] = (weights / weights.sum()) @ values @ kernels[3]
    return out


def test_self_attention_starts_as_the_identity_then_adds_attention():
    net = norms.SelfAttention(spectral=False)
    params = jax.jit(net.init)(KEY, X)["params"]
    apply = jax.jit(lambda params: net.apply({"params": params}, X))
    shapes = [params[f"Conv_{i}"]["kernel"].shape[2:] for i in range(4)]
    assert shapes == [(8, 1), (8, 1), (8, 4), (4, 8)]
    assert params["gamma"] == 0
    np.testing.assert_array_equal(apply(params), X)
    params = random_like(params)
    want = X + float(params["gamma"]) * attention_by_hand(X, params)
    close(apply(params), want, atol=1e-4)


def test_self_attention_is_spectrally_normalised_by_default():
    variables = jax.eval_shape(norms.SelfAttention().init, KEY, X)
    assert set(variables["spectral"]) == {f"Conv_{i}" for i in range(4)}


def test_names_resolve_or_are_refused():
    assert norms.named("ConditionalBatchNorm", 7)().classes == 7
    assert isinstance(norms.named("LayerNorm", 7)(), norms.LayerNorm)
    np.testing.assert_array_equal(norms.named("Identity", 0)().apply({}, X, True), X)
    with pytest.raises(UserError, match="did you mean 'BatchNorm'"):
        norms.named("Batchnorm", 0)
