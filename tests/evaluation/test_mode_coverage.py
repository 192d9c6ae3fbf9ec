"""Modes covered, high-quality share and reverse KL, by hand."""

import numpy as np
import pytest

from jaxgan.evaluation.mode_coverage import assign, quality

CENTERS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_scores_of_four_points_by_hand():
    # distances to the nearest center: 0, exactly 3 std, and just outside
    points = np.array([[0.0, 0.0], [10.0, 3.0], [0.0, 7.0 - 1e-6], [0.5, 0.5]])
    scores = quality(points, CENTERS, 1.0)
    assert scores["modes"] == 2 and scores["high_quality"] == 0.75
    # shares 1/2, 1/4, 1/4 and 0 over four modes
    expected = 0.5 * np.log(2) + 2 * 0.25 * np.log(1)
    assert scores["reverse_kl"] == pytest.approx(expected)


def test_high_quality_is_a_euclidean_distance():
    inside, outside = np.array([[2.1, 2.1]]), np.array([[2.2, 2.2]])  # 2.97 and 3.11 std
    assert quality(inside, CENTERS, 1.0)["high_quality"] == 1
    assert quality(outside, CENTERS, 1.0)["high_quality"] == 0


def test_reverse_kl_of_one_mode_and_of_all():
    one, all_ = np.tile(CENTERS[:1], (50, 1)), np.tile(CENTERS, (50, 1))
    assert quality(one, CENTERS, 1.0) == {
        "modes": 1,
        "high_quality": 1.0,
        "reverse_kl": pytest.approx(np.log(4)),
    }
    assert quality(all_, CENTERS, 1.0)["reverse_kl"] == pytest.approx(0)
    assert quality(all_, CENTERS, 1.0)["modes"] == 4


def test_assign_finds_the_nearest_center_and_its_distance():
    nearest, distance = assign(np.array([[1.0, 0.0], [9.0, 8.0]]), CENTERS)
    assert nearest.tolist() == [0, 3]
    np.testing.assert_allclose(distance, [1, 5**0.5])


def test_points_that_are_not_numbers_are_of_no_mode():
    scores = quality(np.full((5, 2), np.nan), CENTERS, 1.0)
    assert scores["modes"] == 0 and scores["high_quality"] == 0


def test_a_stray_point_covers_no_mode():
    """2,500 points: a mode needs a tenth of the 625 that the data have there."""
    counts = {1: (2497, 1, 1, 1), 2: (2375, 63, 62, 0), 4: (625, 625, 625, 625)}
    for covered, each in counts.items():
        points = np.repeat(CENTERS, each, axis=0)
        assert quality(points, CENTERS, 1.0)["modes"] == covered
    far = np.tile(CENTERS[1] + [3.1, 0.0], (62, 1))
    points = np.concatenate([np.repeat(CENTERS, (2375, 63, 0, 0), axis=0), far])
    assert quality(points, CENTERS, 1.0)["modes"] == 2
    points[2375] += 100
    assert quality(points, CENTERS, 1.0)["modes"] == 1, "points that are near no mode do not count"
