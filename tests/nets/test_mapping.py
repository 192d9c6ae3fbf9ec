"""What is done to w: where two are mixed, and the running mean."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.nets import mapping

KEY = jax.random.key(0)


def test_cutoffs_are_uniform_and_absent_with_the_remaining_probability():
    keys = jax.random.split(KEY, (2, 2000))
    cuts = np.asarray(jax.vmap(lambda a, b: mapping.cutoff(a, b, 6, 0.9))(*keys))
    shares = np.bincount(cuts, minlength=7) / len(cuts)
    np.testing.assert_allclose(shares, [0, *[0.18] * 5, 0.1], atol=0.03)


def test_the_running_mean_of_w():
    w = jnp.asarray([[1.0, 3.0], [3.0, 5.0]])
    got = mapping.average(jnp.zeros(2), w, 0.9)
    np.testing.assert_allclose(got, [0.2, 0.4], rtol=1e-6)
    assert not jax.grad(lambda w: mapping.average(jnp.ones(2), w).sum())(w).any()
