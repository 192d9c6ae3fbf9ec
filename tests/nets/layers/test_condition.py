"""The embedding of a condition: rows of a table for labels, a linear map of vectors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.layers.condition import Condition
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
LABELS = jnp.array([2, 0, 2])
VECTORS = jnp.array([[0.5, -1.0], [0.0, 1.0], [2.0, 3.0]])


@pytest.mark.parametrize("y", [LABELS, VECTORS], ids=["labels", "vectors"])
def test_labels_are_rows_and_vectors_are_mapped_linearly(y):
    out, variables = Condition(classes=3, features=4).init_with_output(KEY, y)
    (table,) = jax.tree.leaves(variables["params"])
    want = table[y] if y.ndim == 1 else np.asarray(y) @ table
    assert out.shape == (3, 4) and table.shape == (3 if y.ndim == 1 else 2, 4)
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("y", [LABELS, VECTORS], ids=["labels", "vectors"])
def test_the_embedding_is_spectrally_normalized_on_request(y):
    plain, spectral = (
        jax.eval_shape(Condition(classes=3, features=4, spectral=each).init, KEY, y)
        for each in (False, True)
    )
    assert set(plain) == {"params"} and set(spectral) == {"params", "spectral"}


def test_an_absent_condition_is_refused():
    with pytest.raises(UserError, match="set config.game.condition=label"):
        Condition(classes=3, features=4).init(KEY, None)
