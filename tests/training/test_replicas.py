"""Replicas of a run: the interval of a figure over seeds."""

import numpy as np
import pytest

from jaxgan.training import replicas


def test_interval_is_students_at_95_percent():
    mean, half = replicas.interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert half == pytest.approx(3.182446 * np.std([1, 2, 3, 4], ddof=1) / 2, rel=1e-5)
    assert replicas.interval([3.0]) == (3.0, 0.0)
