import numpy as np
import pytest
from PIL import Image

from jaxgan.visual import grid as pictures


def test_to_uint8_is_the_inverse_of_the_steps_scaling():
    levels = np.arange(256, dtype=np.uint8)
    floats = levels.astype(np.float32) / 127.5 - 1
    np.testing.assert_array_equal(pictures.to_uint8(floats), levels)
    np.testing.assert_array_equal(pictures.to_uint8(np.array([-3.0, 3.0])), [0, 255])


def test_grid_goes_row_by_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    sheet = pictures.grid(images + 1)
    assert sheet.shape == (4, 9, 1)
    np.testing.assert_array_equal(sheet[::2, ::3, 0], [[1, 2, 3], [4, 5, 0]])
    assert pictures.grid(images, columns=5).shape == (2, 15, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_and_gif(tmp_path, channels):
    frames = []
    for i in range(70):
        frames.append(tmp_path / f"{i}.png")
        pictures.save_png(frames[-1], np.full((4, 6, channels), i, np.uint8))
    back = np.asarray(Image.open(frames[9]))
    assert back.shape == ((4, 6) if channels == 1 else (4, 6, 3)) and (back == 9).all()
    pictures.save_gif(tmp_path / "a.gif", frames, most=60)
    gif = Image.open(tmp_path / "a.gif")
    assert gif.n_frames == 60 and gif.size == (6, 4)
    assert np.asarray(gif.convert("L"))[0, 0] == 0
    gif.seek(59)
    assert abs(int(np.asarray(gif.convert("L"))[0, 0]) - 69) <= 1


def test_curves(tmp_path):
    rows = [{"step": 5, "d/loss": 1.0, "d/real": 0.6}, {"step": 10, "d/loss": 0.5, "g/loss": 2.0}]
    pictures.save_curves(tmp_path / "c.png", rows)
    assert Image.open(tmp_path / "c.png").size[0] > 500


def test_scatter():
    real, fake = np.array([[-1.0, 1.0]]), np.array([[1.0, -1.0], [9.0, 9.0]])
    picture = pictures.scatter(real, fake, extent=2.0)
    assert picture.shape == (480, 480, 3) and picture.dtype == np.uint8
    assert (picture[0, 0] == 255).all()
    assert (picture[120, 120] == 204).all(), "a real: grey, above and to the left"
    red, _, blue = picture[360, 360].astype(int)
    assert red > blue + 100, "a fake: orange, below and to the right"
    levels = pictures.lattice(2.0)[:, 0]
    drawn = pictures.scatter(real, fake, levels, extent=2.0)
    changed = (drawn != picture).any(axis=(0, 2))
    assert 6 < changed.sum() < 100, "the level lines of x are upright"
    np.testing.assert_array_equal(pictures.scatter(real, fake, 0 * levels, extent=2.0), picture)


def test_lattice():
    points = pictures.lattice(3.0, 4)
    assert points.shape == (16, 2) and points.dtype == np.float32
    np.testing.assert_array_equal(points[:4], [[-3, -3], [-1, -3], [1, -3], [3, -3]])
