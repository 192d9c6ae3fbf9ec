"""Named streams of random keys: they differ by name, and never change."""

import jax
import numpy as np
import pytest

from jaxgan.core.keys import named

KEY = jax.random.key(0)
GOLDEN = {"z": [266832024, 1617755757], "d": [821220617, 2962414395]}


def data(key):
    return np.asarray(jax.random.key_data(key))


@pytest.mark.parametrize("name", GOLDEN)
def test_a_stream_has_its_golden_value(name):
    """Seeded results, and runs that a later release resumes, depend on it."""
    np.testing.assert_array_equal(data(named(KEY, name)), GOLDEN[name])


def test_streams_of_different_names_differ():
    names = ["", "z", "y", "d", "g", "d_r1", "real", "labels"]
    streams = {data(named(KEY, name)).tobytes() for name in names}
    assert len(streams) == len(names) and data(KEY).tobytes() not in streams


def test_streams_of_different_keys_differ():
    other = named(jax.random.key(1), "z")
    assert (data(other) != data(named(KEY, "z"))).any()


def test_a_stream_may_be_drawn_under_jit():
    np.testing.assert_array_equal(
        data(jax.jit(lambda key: named(key, "z"))(KEY)), data(named(KEY, "z"))
    )
