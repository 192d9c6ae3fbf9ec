"""Pixels against Pillow: cropping, resizing, transparency, orientation, depth and channels."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.images import convert_channels, resize_batch, to_square
from jaxgan.runtime.errors import UserError


def checkerboard(side: int) -> np.ndarray:
    return (np.indices((side, side)).sum(0) % 2 * 255).astype(np.uint8)


@pytest.mark.parametrize("res", [16, 24, 32])
def test_a_checkerboard_shrinks_to_mid_gray(res):
    board = checkerboard(96)
    small = to_square(Image.fromarray(board), res, 1)
    batch = resize_batch(board[None, :, :, None], res)[0]
    for image in (small, batch):
        inner = image[2:-2, 2:-2].astype(int)  # at the border the kernel is cut off
        assert abs(inner - 127.5).max() < 6


def test_the_center_is_cropped_exactly():
    wide = np.zeros((4, 9, 3), np.uint8)
    wide[:, :, 0] = np.arange(9)
    want = wide[:, 2:6]
    np.testing.assert_array_equal(to_square(Image.fromarray(wide), 4, 3), want)
    np.testing.assert_array_equal(resize_batch(wide[None], 4)[0], want)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparency_turns_white(mode):
    gray = Image.new("RGBA", (8, 8), (100, 100, 100, 255))
    gray.paste((0, 0, 0, 0), (0, 0, 8, 4))
    if mode in ("P", "RGB"):  # transparency by a color that counts as transparent
        img = Image.new("RGB", (8, 8), (100, 100, 100))
        img.paste((0, 0, 0), (0, 0, 8, 4))
        if mode == "P":
            img = img.quantize(2)
        img.info["transparency"] = img.getpixel((0, 0))
    else:
        img = gray.convert(mode)
    out = to_square(img, 8, 3)
    assert (out[:4] == 255).all()
    assert (out[4:] == 100).all()


def test_exif_orientation_is_applied(tmp_path):
    img = Image.new("L", (8, 8))
    img.paste(255, (0, 0, 8, 4))  # white on top
    exif = Image.Exif()
    exif[0x0112] = 3  # rotated by 180 degrees
    img.save(tmp_path / "a.png", exif=exif)
    out = to_square(Image.open(tmp_path / "a.png"), 8, 1)
    assert (out[4:] == 255).all()
    assert (out[:4] == 0).all()


def test_sixteen_bits_are_scaled_not_clipped():
    deep = Image.fromarray(np.full((4, 4), 0x4080, np.uint16))
    assert (to_square(deep, 4, 1) == 0x40).all()
    with pytest.raises(ValueError, match="mode F"):
        to_square(Image.new("F", (4, 4)), 4, 1)


def test_channels_convert_as_pillow_does():
    rgb = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), dtype=np.uint8)
    gray = convert_channels(rgb, 1)
    for image, luma in zip(rgb, gray, strict=True):
        np.testing.assert_array_equal(luma[..., 0], np.asarray(Image.fromarray(image).convert("L")))
    np.testing.assert_array_equal(convert_channels(gray, 3), np.concatenate([gray] * 3, -1))
    with pytest.raises(UserError, match="cannot make 3 channels of 4"):
        convert_channels(np.zeros((1, 2, 2, 4), np.uint8), 3)
