"""The cycle error of translations against numpy, by direction, and its interval."""

import jax
import numpy as np
import pytest
from translating import A, B, subject

from jaxgan.evaluation import translations
from jaxgan.evaluation.metrics import cycle
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize(("direction", "of"), [("a2b", A), ("b2a", B)])
def test_the_error_is_that_of_the_way_there_and_back(tmp_path, direction, of):
    run = subject(tmp_path, lambda x: 0.5 * x, lambda y: y + 0.1, direction=direction)
    cycle.check(run)
    row = cycle.compute(run)
    x = of.astype(np.float64) / 127.5 - 1
    again = 0.5 * x + 0.1 if direction == "a2b" else 0.5 * (x + 0.1)
    each = np.abs(again - x).mean((1, 2, 3))
    assert row["value"] == pytest.approx(each.mean(), rel=1e-5)
    low, high = row["low"], row["high"]
    error = each.std() / np.sqrt(len(each))
    assert low < row["value"] < high
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15), "as of a normal mean"
    assert row["protocol"]["n"] == 30 and row["protocol"]["split"] == "train"


def test_pictures_are_measured_batch_by_batch_to_the_last(tmp_path):
    """A picture's figure does not depend on how many there are."""
    run = subject(tmp_path, lambda x: x, lambda y: y)
    of = run.restored, "a2b"

    def measure(there, back, x, keys):
        return {"x": there(x).mean((1, 2, 3)), "noise": jax.vmap(jax.random.normal)(keys)}

    columns = {"image": A, "other": B}
    whole = translations.measured(*of, columns, measure)
    few = translations.measured(*of, {k: v[:3] for k, v in columns.items()}, measure)
    want = A.astype(np.float64).mean((1, 2, 3)) / 127.5 - 1
    np.testing.assert_allclose(whole["x"], want, atol=1e-5)
    for name in ("x", "noise"):
        np.testing.assert_array_equal(whole[name][:3], few[name])
    assert len(np.unique(whole["noise"])) == len(A)


def test_other_games_are_refused(tmp_path):
    run = subject(tmp_path, lambda x: x, lambda y: y, direction="")
    with pytest.raises(UserError, match="--metrics=cycle: this run's game does not translate"):
        cycle.check(run)
