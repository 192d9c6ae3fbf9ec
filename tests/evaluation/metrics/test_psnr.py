"""PSNR of translations against numpy and skimage's formula, its floor, and refusals."""

import numpy as np
import pytest
from translating import A, B, subject

from jaxgan.evaluation.metrics import psnr
from jaxgan.runtime.errors import UserError


def test_the_figure_is_the_mean_over_pictures_beside_the_untranslated(tmp_path):
    run = subject(tmp_path, lambda x: 0.5 * x, lambda y: y, n=20)
    psnr.check(run)
    row = psnr.compute(run)
    x, y = (run.columns[name].astype(np.float64) for name in ("image", "other"))
    made = np.round((0.5 * (x / 127.5 - 1) + 1) * 127.5)

    def reference(images):
        rms = np.sqrt(((images - y) ** 2).mean((1, 2, 3)))
        return (20 * np.log10(255 / rms)).mean()

    assert row["value"] == pytest.approx(reference(made), abs=1e-3)
    assert row["levels"] == {"untranslated": pytest.approx(reference(x), abs=1e-6)}
    assert row["low"] < row["value"] < row["high"]
    bounds = row["bounds"]["untranslated"]
    assert bounds["low"] < row["levels"]["untranslated"] < bounds["high"]
    assert row["protocol"]["n"] == 20


def test_a_perfect_translation_has_the_error_of_rounding(tmp_path):
    run = subject(tmp_path, lambda x: -x, lambda y: -y, b=255 - A)
    assert psnr.compute(run)["value"] == pytest.approx(20 * np.log10(255 * np.sqrt(12)))
    half = np.full((1, 2, 2, 1), 100, np.uint8), np.full((1, 2, 2, 1), 110, np.uint8)
    assert psnr.psnr(*half)[0] == pytest.approx(20 * np.log10(25.5))


def test_gray_and_color_have_no_floor_and_the_other_direction_the_other_truth(tmp_path):
    gray = A[..., :1]
    run = subject(
        tmp_path, lambda x: x[..., :1], lambda y: y.repeat(3, -1), b=gray, direction="b2a"
    )
    row = psnr.compute(run)
    assert "levels" not in row
    each = psnr.psnr(np.repeat(A[..., :1], 3, -1), A)
    assert row["value"] == pytest.approx(each.mean(), abs=1e-3)


def test_pictures_that_are_no_pairs_are_refused(tmp_path):
    run = subject(tmp_path, lambda x: x, lambda y: y, b=B[:12], aligned=False)
    with pytest.raises(UserError, match="no pairs, so the true translation is not known"):
        psnr.check(run)
