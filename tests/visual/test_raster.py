"""Pictures as pixels: bytes of floats, PNG and GIF files."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.visual import raster


def test_to_uint8_inverts_the_scaling_to_floats():
    levels = np.arange(256, dtype=np.uint8)
    floats = levels.astype(np.float32) / 127.5 - 1
    np.testing.assert_array_equal(raster.to_uint8(floats), levels)
    np.testing.assert_array_equal(raster.to_uint8(np.array([-3.0, 3.0])), [0, 255])


def test_a_gif_takes_pictures_of_several_sizes(tmp_path):
    """Of a run whose pictures had no captions at first."""
    for i, height in enumerate((20, 31, 31)):
        raster.save_png(tmp_path / f"{i}.png", np.full((height, 28, 3), 60 * i + 9, np.uint8))
    assert raster.save_gif(tmp_path / "a.gif", [tmp_path / f"{i}.png" for i in range(3)]) == []
    gif = Image.open(tmp_path / "a.gif")
    assert gif.n_frames == 3
    gif.seek(2)
    assert abs(np.asarray(gif.convert("L"))[10, 10].astype(int) - 129) < 3


@pytest.mark.parametrize("channels", [1, 3])
def test_png_and_gif_files_read_back(tmp_path, channels):
    frames = []
    for i in range(70):
        frames.append(tmp_path / f"{i}.png")
        raster.save_png(frames[-1], np.full((4, 6, channels), i, np.uint8))
    back = np.asarray(Image.open(frames[9]))
    assert back.shape == ((4, 6) if channels == 1 else (4, 6, 3)) and (back == 9).all()
    raster.save_gif(tmp_path / "a.gif", frames, most=60)
    gif = Image.open(tmp_path / "a.gif")
    assert gif.n_frames == 60 and gif.size == (6, 4)
    assert np.asarray(gif.convert("L"))[0, 0] == 0
    gif.seek(59)
    assert abs(int(np.asarray(gif.convert("L"))[0, 0]) - 69) <= 1


@pytest.mark.parametrize("save", ["png", "gif"])
def test_a_picture_appears_whole_or_not_at_all(tmp_path, monkeypatch, save):
    picture = np.zeros((4, 6, 3), np.uint8)
    raster.save_png(tmp_path / "0.png", picture)
    path = tmp_path / f"a.{save}"
    path.write_bytes(b"before")

    def half(self, file, *args, **kwargs):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(KeyboardInterrupt):
        if save == "png":
            raster.save_png(path, picture)
        else:
            raster.save_gif(path, [tmp_path / "0.png"])
    assert path.read_bytes() == b"before"


def test_without_a_picture_there_is_no_gif(tmp_path):
    (tmp_path / "0.png").write_bytes(b"GIF89a")
    assert raster.save_gif(tmp_path / "a.gif", [tmp_path / "0.png"]) == [tmp_path / "0.png"]
    assert raster.save_gif(tmp_path / "a.gif", []) == []
    assert not (tmp_path / "a.gif").exists()
