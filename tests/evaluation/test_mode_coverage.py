import numpy as np
import pytest

from jaxgan.evaluation.mode_coverage import assign, quality

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_by_hand():
    # distances to the nearest centre: 0, exactly 3 std, and just outside
    points = np.array([[0.0, 0.0], [10.0, 3.0], [0.0, 7.0 - 1e-6], [0.5, 0.5]])
    scores = quality(points, CENTRES, 1.0)
    assert scores["modes"] == 2 and scores["high_quality"] == 0.75
    # shares 1/2, 1/4, 1/4 and 0 over four modes
    expected = 0.5 * np.log(2) + 2 * 0.25 * np.log(1)
    assert scores["reverse_kl"] == pytest.approx(expected)


def test_the_radius_is_round():
    inside, outside = np.array([[2.1, 2.1]]), np.array([[2.2, 2.2]])  # 2.97 and 3.11 std
    assert quality(inside, CENTRES, 1.0)["high_quality"] == 1
    assert quality(outside, CENTRES, 1.0)["high_quality"] == 0


def test_ends_of_reverse_kl():
    one, all_ = np.tile(CENTRES[:1], (50, 1)), np.tile(CENTRES, (50, 1))
    assert quality(one, CENTRES, 1.0) == {
        "modes": 1,
        "high_quality": 1.0,
        "reverse_kl": pytest.approx(np.log(4)),
    }
    assert quality(all_, CENTRES, 1.0)["reverse_kl"] == pytest.approx(0)
    assert quality(all_, CENTRES, 1.0)["modes"] == 4


def test_assign():
    nearest, distance = assign(np.array([[1.0, 0.0], [9.0, 8.0]]), CENTRES)
    assert nearest.tolist() == [0, 3]
    np.testing.assert_allclose(distance, [1, 5**0.5])


def test_points_that_are_not_numbers_are_of_no_mode():
    scores = quality(np.full((5, 2), np.nan), CENTRES, 1.0)
    assert scores["modes"] == 0 and scores["high_quality"] == 0
