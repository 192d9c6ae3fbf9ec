"""Minibatch standard deviation against NumPy: groups strided over the batch, parts of features."""

import numpy as np
import pytest

from jaxgan.nets.layers.minibatch_std import MinibatchStd

X = np.random.default_rng(0).normal(1.5, 2.0, size=(6, 4, 4, 8)).astype(np.float32)


def close(got, want):
    np.testing.assert_allclose(np.asarray(got), want, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("n", "group"), [(6, 3), (6, 2), (2, 4)])
def test_minibatch_std_is_one_number_for_each_strided_group(n, group):
    out = np.asarray(MinibatchStd(group=group).apply({}, X[:n]))
    assert out.shape == (n, 4, 4, 9)
    np.testing.assert_array_equal(out[..., :8], X[:n])
    size = min(group, n)
    for i in range(n):
        mates = X[:n][i % (n // size) :: n // size]
        assert len(mates) == size
        close(out[i, ..., 8], np.sqrt(mates.var(0) + 1e-8).mean())


def test_minibatch_std_in_several_channels_takes_equal_parts_of_the_features():
    out = np.asarray(MinibatchStd(group=3, channels=2).apply({}, X))
    assert out.shape == (6, 4, 4, 10)
    for part in range(2):
        half = MinibatchStd(group=3).apply({}, X[..., 4 * part : 4 * part + 4])
        close(out[..., 8 + part], half[..., 4])
