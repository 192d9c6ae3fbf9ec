"""The basic layers against NumPy, in PyTorch's conventions of strides and padding."""

import jax
import numpy as np

from jaxgan.nets.layers import basic

KEY = jax.random.key(0)


def test_convolutions_against_loops():
    x = np.random.default_rng(0).normal(size=(2, 5, 5, 3)).astype(np.float32)
    conv = basic.Conv(4, 3, stride=2, padding=1)
    params = conv.init(KEY, x)["params"]
    padded, kernel = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), np.asarray(params["kernel"])
    expected = np.zeros((2, 3, 3, 4))
    for i in range(3):
        for j in range(3):
            patch = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            expected[:, i, j] = np.einsum("nhwc,hwcf->nf", patch, kernel)
    np.testing.assert_allclose(conv.apply({"params": params}, x), expected, rtol=1e-4, atol=1e-6)

    up = basic.ConvTranspose(4, use_bias=False)
    params = up.init(KEY, x)["params"]
    kernel, full = np.asarray(params["kernel"]), np.zeros((2, 12, 12, 4))
    for i in range(5):
        for j in range(5):
            full[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum(
                "nc,hwcf->nhwf", x[:, i, j], kernel
            )
    np.testing.assert_allclose(
        up.apply({"params": params}, x), full[:, 1:-1, 1:-1], rtol=1e-4, atol=1e-6
    )
