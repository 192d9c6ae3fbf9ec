"""The Laplacian pyramid: its filters, and that it is inverted."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.ops.laplacian import compose, decompose, gaussian, resized

X = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)), jnp.float32)


@pytest.mark.parametrize("sides", [(8, 16, 32), (8, 32), (4, 8, 16, 32), (32,)])
def test_composing_inverts_decomposing(sides):
    parts = decompose(X, sides)
    assert [part.shape[1] for part in parts] == list(sides)
    np.testing.assert_allclose(compose(parts), X, atol=2e-7)
    for part, level in zip(parts[1:], gaussian(X, sides)[1:], strict=True):
        assert 0.05 < part.std() < level.std(), "a residual is what is left, and not nothing"


def test_both_ways_filter_with_1_3_3_1_and_keep_borders():
    taps = np.zeros(16, np.float32)
    taps[8] = 1.0
    row = jnp.asarray(np.broadcast_to(taps[None, None, :, None], (1, 16, 16, 1)))
    np.testing.assert_allclose(resized(row, 8)[0, 0, 3:6, 0], np.array([1, 3, 0]) / 8, atol=1e-7)
    np.testing.assert_allclose(
        resized(row, 32)[0, 0, 15:19, 0], np.array([1, 3, 3, 1]) / 4, atol=1e-7
    )
    for side in (4, 8, 64):
        np.testing.assert_allclose(resized(jnp.full_like(X, 0.7), side), 0.7, atol=1e-6)
        assert abs(resized(X, side)).max() <= 1
    assert resized(X, 32) is X
