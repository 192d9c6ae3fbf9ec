"""Steepness of a critic whose slope is known, and products of singular values by hand."""

from collections import namedtuple
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.evaluation.metrics import steepness
from jaxgan.nets import mlp
from jaxgan.runtime.errors import UserError

State = namedtuple("State", ("params", "stats"))
N = 130  # a whole batch, and a part of one


def subject(critic, net="mlp.Discriminator", **more):
    rng = np.random.default_rng(0)
    params = {"Dense_0": {"kernel": jnp.diag(jnp.array([3.0, 1.0])), "bias": jnp.ones(2)}}
    params["Dense_1"] = {"kernel": jnp.full((2, 1), 2.0)}
    return SimpleNamespace(
        pair=(rng.normal(size=(N, 2)).astype(np.float32), np.zeros((N, 2), np.float32)),
        columns={"label": np.zeros(N, np.int32)},
        game=SimpleNamespace(critic=critic),
        state=State({"d": params}, {"d": {}}),
        record=SimpleNamespace(config={"game": {"d": net}}, missing=()),
        seed=0,
        split="train",
        source=None,
        direction="",
        check_run=lambda metric, why: None,
        **more,
    )


def test_the_steepest_point_counts():
    row = steepness.compute(subject(lambda state, batch: batch["image"] @ jnp.array([3.0, -4.0])))
    assert row["value"] == pytest.approx(5)
    curved = subject(lambda state, batch: 0.5 * (batch["image"] ** 2).sum(1))  # slope |x|
    value = steepness.compute(curved)["value"]
    far = np.linalg.norm(curved.pair[0], axis=1).max()
    assert 0.5 * far < value <= far, "between the samples at 0 and the real points"


def test_sigmas_multiply_the_layers_largest_singular_values():
    flat = lambda state, batch: batch["image"][:, 0]  # noqa: E731
    row = steepness.compute(subject(flat))
    assert row["levels"]["sigmas"] == pytest.approx(3 * 2 * 2**0.5)
    for net in ("progan.Discriminator", {"name": "stylegan2.Discriminator"}):
        assert "levels" not in steepness.compute(subject(flat, net)), "scaled at every use"


def test_a_normalized_critic_has_a_product_of_1():
    net = pure(mlp.Discriminator((2,), widths=(8,), spectral=True))
    x = jnp.ones((4, 2))
    params, stats = net.init(jax.random.key(0), x)
    raw = steepness.sigmas(params, {})
    for _ in range(50):
        stats = net.apply(params, stats, x, train=True)[1]
    assert steepness.sigmas(params, stats["spectral"]) == pytest.approx(1, abs=1e-3) != raw


def test_runs_without_a_critic_of_samples_are_refused():
    run = subject(None)
    steepness.check(run)
    run.direction = "a2b"
    with pytest.raises(UserError, match="a critic a direction"):
        steepness.check(run)
    run.direction, run.record.missing = "", ("d",)
    with pytest.raises(UserError, match="d is noise"):
        steepness.check(run)
