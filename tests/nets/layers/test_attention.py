"""Self-attention by hand, and what it starts as."""

import jax
import numpy as np

from jaxgan.nets.layers.attention import SelfAttention

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(1.5, 2.0, size=(6, 4, 4, 8)).astype(np.float32)


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
    net = SelfAttention(spectral=False)
    params = jax.jit(net.init)(KEY, X)["params"]
    apply = jax.jit(lambda params: net.apply({"params": params}, X))
    shapes = [params[f"Conv_{i}"]["kernel"].shape[2:] for i in range(4)]
    assert shapes == [(8, 1), (8, 1), (8, 4), (4, 8)]
    assert params["gamma"] == 0
    np.testing.assert_array_equal(apply(params), X)
    rng = np.random.default_rng(2)  # a gamma of 0 would hide a mistake
    params = jax.tree.map(lambda v: rng.normal(size=v.shape).astype(np.float32), params)
    want = X + float(params["gamma"]) * attention_by_hand(X, params)
    np.testing.assert_allclose(apply(params), want, rtol=1e-4, atol=1e-4)


def test_self_attention_is_spectrally_normalized_by_default():
    variables = jax.eval_shape(SelfAttention().init, KEY, X)
    assert set(variables["spectral"]) == {f"Conv_{i}" for i in range(4)}
