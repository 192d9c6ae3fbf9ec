"""The Inception Score against loops and closed forms, and its refusal without Inception."""

import importlib
from types import SimpleNamespace

import featured
import numpy as np
import pytest

from jaxgan.runtime.errors import UserError

metric = importlib.import_module("jaxgan.evaluation.metrics.is")
RNG = np.random.default_rng(0)


def test_closed_forms():
    assert metric.score(np.zeros((50, 7))) == pytest.approx(1), "no class is preferred"
    sure = 1e3 * np.eye(7)[np.arange(70) % 7]
    assert metric.score(sure) == pytest.approx(7), "each class as often, beyond doubt"
    assert metric.score(sure[:1].repeat(9, axis=0)) == pytest.approx(1), "one class alone"


def test_against_loops():
    logits = RNG.normal(size=(20, 5))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    total = sum(p[i, k] * np.log(p[i, k] / p[:, k].mean()) for i in range(20) for k in range(5))
    assert metric.score(logits) == pytest.approx(np.exp(total / 20), rel=1e-12)
    parts = metric.parts(logits, 4)
    assert parts == pytest.approx([metric.score(logits[i : i + 5]) for i in range(0, 20, 5)])


def test_the_row():
    real, fake = RNG.normal(size=(2, 100, 6)).astype(np.float32)
    weights = RNG.normal(size=(6, 9)).astype(np.float32)
    row = metric.compute(featured.subject(real, fake, classifier=weights))
    parts = metric.parts(fake @ weights)
    assert row["value"] == pytest.approx(parts.mean())
    assert row["std"] == pytest.approx(parts.std(ddof=1) / np.sqrt(10))
    assert row["levels"] == pytest.approx({"parts' deviation": parts.std()})
    assert row["floor"] == pytest.approx(metric.parts(real @ weights).mean())
    assert 1 <= row["low"] < row["value"] < row["high"] <= 9 and row["protocol"]["parts"] == 10


@pytest.mark.parametrize("net", ["efficientnet", "dinov2:/x.pth"])
def test_other_networks_are_refused(net):
    with pytest.raises(UserError, match=r"--features=inception:/path/of/pt_inception-2015-12-05"):
        metric.check(SimpleNamespace(net=net))
