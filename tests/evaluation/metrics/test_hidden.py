"""Information that translations hide: a way back that needs what 8 bits do not hold."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from translating import A, subject

from jaxgan.evaluation.metrics import hidden

FAINT = 1e-3  # of the hidden signal; a gray level is 1/127.5


def hide(x):
    """Gray, but for a signal below a gray level."""
    return 0.5 + FAINT * x


def find(y):
    return jnp.clip((y - 0.5) / FAINT, -1, 1)


def test_noise_and_rounding_lose_what_is_hidden_and_a_line_says_so(tmp_path, capsys):
    run = subject(tmp_path, hide, find, seed=1)
    hidden.check(run)
    row = hidden.compute(run)
    x = A.astype(np.float64) / 127.5 - 1
    gray = np.clip((np.round(191.25 + 127.5 * FAINT * x) / 127.5 - 1 - 0.5) / FAINT, -1, 1)
    assert row["value"] == pytest.approx(np.abs(gray - x).mean(), rel=0.02)
    levels = row["levels"]
    assert list(levels) == ["0", "0.01", "0.02", "0.05", "0.1"]
    assert levels["0"] < 1e-3 and levels["0.01"] > 0.8, "lost in noise of a gray level"
    err = capsys.readouterr().err
    assert "once a2b(x) is rounded to 8 bits, and by 0.000 before: b2a restores x from" in err
    bounds = row["bounds"]["0.01"]
    assert bounds["low"] < levels["0.01"] < bounds["high"]


def test_an_honest_way_back_grows_worse_by_the_noise(tmp_path, capsys):
    row = hidden.compute(subject(tmp_path, lambda x: -x, lambda y: -y, direction="b2a"))
    assert row["value"] < 1e-6, "bytes stay bytes"
    for sigma in hidden.SIGMAS:
        want = sigma * np.sqrt(2 / np.pi)
        assert row["levels"][f"{sigma:g}"] == pytest.approx(want, rel=0.05, abs=1e-6)
    assert "rounded to 8 bits" not in capsys.readouterr().err


def test_the_picture_shows_the_difference_amplified(tmp_path, capsys):
    row = hidden.compute(subject(tmp_path, lambda x: x + 0.02 * (x > 0), lambda y: y))
    err = capsys.readouterr().err
    assert f"wrote {row['picture']}: x, a2b(x), |a2b(x) - x| times 100" in err
    assert row["picture"] == str(tmp_path / "evaluations" / "hidden_a2b_000000.png")
    picture = np.asarray(Image.open(row["picture"]))
    assert picture.shape == (4 + 15 + 8 * 68, 4 + 5 * 68, 3)
    assert picture[:19].min() < 100, "names of columns"
    tiles = [picture[19:83:8, 4 + 68 * i : 68 * (i + 1) : 8] for i in range(5)]
    np.testing.assert_array_equal(tiles[0], A[0])
    np.testing.assert_array_equal(tiles[2] > 128, tiles[0] > 127)
    np.testing.assert_array_equal(tiles[3], tiles[1])
