"""Values that are not finite, found on the device: in a tree, in a state."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.finite import bad_parts, finite
from jaxgan.core.game import State


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_one_bad_value_anywhere_is_found(bad, dtype):
    tree = {"a": jnp.ones((3, 4), dtype), "b": [jnp.zeros(7, jnp.int32), jnp.ones(2)]}
    assert finite(tree) == 1
    for i in (0, 11):
        assert finite(tree | {"a": tree["a"].reshape(-1).at[i].set(bad)}) == 0
    assert finite(tree | {"b": [jnp.float32(bad)]}) == 0


def test_extremes_integers_and_nothing_are_finite():
    largest = jnp.full(1000, jnp.finfo(jnp.float32).max)
    assert finite([largest, -largest, jnp.iinfo(jnp.int32).max]) == 1
    assert finite({}) == 1


def test_each_entry_of_a_state_is_named():
    nets = {"a": jnp.ones(3), "b": jnp.ones(2)}
    state = State(jnp.int32(1), nets, {"a": {}, "b": {}}, {}, {"a": (jnp.ones(3),), "b": ()}, {})
    assert bad_parts(state) == []
    state = state.replace(
        params=state.params | {"b": jnp.float32(np.inf)},
        opt=state.opt | {"a": (jnp.float32(np.nan),)},
        memory={"ada_p": jnp.float32(0)},
        ema={"b": jnp.float32(-np.inf)},
    )
    assert bad_parts(state) == ["params.b", "opt.a", "ema.b"]
