"""bfloat16 in every net: inside it alone, and near what float32 computes."""

import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src.core import jaxprs_in_params

from jaxgan.config.registry import files, offered, options
from jaxgan.core.network import Module, pure

WIDTHS = {"width": 4, "widths": (16, 16), "channel_base": 128, "channel_max": 16, "w_dim": 8}
DEPTHS = {"blocks": 1, "layers": 2}
ON = {"dtype": "bfloat16", "bfloat16": 2}
NETS = {
    f"{file}.{name}": kind
    for file in files("jaxgan.nets")
    for name, kind in offered(
        importlib.import_module(f"jaxgan.nets.{file}"), Module, ("shape",)
    ).items()
    if "ws" not in inspect.signature(kind.__call__).parameters
}
KEY = jax.random.key(0)


def products(jaxpr, kind):
    """The operands' types of each product, or convolution."""
    found = []
    for eqn in jaxpr.eqns:
        if kind in eqn.primitive.name and "convert" not in eqn.primitive.name:
            found.append({str(v.aval.dtype) for v in eqn.invars})
        for inner in jaxprs_in_params(eqn.params):
            found += products(inner, kind)
    return found


def built(kind, **more):
    """The net at tiny widths, and arguments for it."""
    file = kind.__module__.rpartition(".")[2]
    side = {"dcgan_anime": 64, "resnet": 32, "biggan": 32}.get(file, 16)
    shape = (side, side, 3)
    known = options(kind)
    own = {name: value for name, value in {**WIDTHS, **DEPTHS}.items() if name in known}
    if file == "r3gan":
        own |= {"widths": (8, 8, 8), "cardinality": (2, 2, 2), "blocks": (1, 1, 1)}
    if "classes" in known:
        own["classes"] = 3
    if "attention" in known:
        own["attention"] = 16
    if "heads" in known:
        own["heads"] = 2
    net = pure(kind(shape=shape, **own, **more))
    k_x, k_y = jax.random.split(KEY)
    first = next(name for name in inspect.signature(kind.__call__).parameters if name != "self")
    x = jax.random.normal(k_x, (4, 8) if first == "z" else (4, *shape))
    y = [jax.random.randint(k_y, (4,), 0, 3)] if "classes" in known else []
    return net, (x if first == "z" else jnp.tanh(x), *y)


@pytest.mark.parametrize("name", NETS)
def test_bfloat16_inside_float32_outside_and_the_values_are_near(name):
    kind = NETS[name]
    (key,) = set(ON) & options(kind)
    exact, args = built(kind)
    half, _ = built(kind, **{key: ON[key]})
    params, stats = jax.jit(half.init)(KEY, *args)
    assert {leaf.dtype for leaf in jax.tree.leaves((params, stats))} == {jnp.dtype("float32")}

    def both(params, stats):
        return [net.apply(params, stats, *args, train=True, key=KEY) for net in (exact, half)]

    traced = jax.make_jaxpr(lambda p, s: half.apply(p, s, *args, train=True, key=KEY))(
        params, stats
    )
    dense = products(traced.jaxpr, "dot_general")
    types = products(traced.jaxpr, "conv") or dense
    # The rest are scores, and in StyleGAN2 the smaller resolutions. No product is of both types.
    assert types.count({"bfloat16"}) >= len(types) / 2
    assert all(len(each) == 1 for each in [*types, *dense])

    (want, want_stats), (got, got_stats) = jax.jit(both)(params, stats)
    assert {leaf.dtype for leaf in jax.tree.leaves((got, got_stats))} == {jnp.dtype("float32")}
    for a, b in zip(jax.tree.leaves(want), jax.tree.leaves(got), strict=True):
        error = np.linalg.norm(a - b) / np.linalg.norm(a)
        assert 0 < error < 0.05
    for a, b in zip(jax.tree.leaves(want_stats), jax.tree.leaves(got_stats), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.1, atol=0.05 * np.abs(a).max())
