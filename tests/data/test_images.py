"""Pixels against Pillow: cropping, resizing, transparency, orientation, depth and channels."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.images import FITS, Target, convert_channels, resize_batch, target, to_square
from jaxgan.runtime.errors import UserError


def checkerboard(side: int) -> np.ndarray:
    return (np.indices((side, side)).sum(0) % 2 * 255).astype(np.uint8)


@pytest.mark.parametrize("res", [16, 24, 32])
def test_a_checkerboard_shrinks_to_mid_gray(res):
    board = checkerboard(96)
    small = to_square(Image.fromarray(board), Target(res, 1))[0]
    batch = resize_batch(board[None, :, :, None], res)[0]
    for image in (small, batch):
        inner = image[2:-2, 2:-2].astype(int)  # at the border the kernel is cut off
        assert abs(inner - 127.5).max() < 6


def test_the_center_is_cropped_exactly():
    wide = np.zeros((4, 9, 3), np.uint8)
    wide[:, :, 0] = np.arange(9)
    want = wide[:, 2:6]
    np.testing.assert_array_equal(to_square(Image.fromarray(wide), Target(4, 3))[0], want)
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
    out = to_square(img, Target(8, 3))[0]
    assert (out[:4] == 255).all()
    assert (out[4:] == 100).all()


def test_exif_orientation_is_applied(tmp_path):
    img = Image.new("L", (8, 8))
    img.paste(255, (0, 0, 8, 4))  # white on top
    exif = Image.Exif()
    exif[0x0112] = 3  # rotated by 180 degrees
    img.save(tmp_path / "a.png", exif=exif)
    out = to_square(Image.open(tmp_path / "a.png"), Target(8, 1))[0]
    assert (out[4:] == 255).all()
    assert (out[:4] == 0).all()


def test_channels_convert_as_pillow_does():
    rgba = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 4), dtype=np.uint8)
    rgb = np.ascontiguousarray(rgba[..., :3])
    gray = convert_channels(rgb, 1)
    for image, luma in zip(rgb, gray, strict=True):
        np.testing.assert_array_equal(luma[..., 0], np.asarray(Image.fromarray(image).convert("L")))
    np.testing.assert_array_equal(convert_channels(gray, 3), np.concatenate([gray] * 3, -1))
    for image, plain in zip(rgba, convert_channels(rgba, 3), strict=True):
        want = to_square(Image.fromarray(image), Target(5, 3))[0]
        np.testing.assert_allclose(plain.astype(int), want, atol=1)
    opaque = convert_channels(gray, 4)
    np.testing.assert_array_equal(opaque[..., :3], convert_channels(gray, 3))
    assert (opaque[..., 3] == 255).all()


def striped(width: int, height: int) -> Image.Image:
    """Red, green and blue thirds from left to right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    for c in range(3):
        pixels[:, c * width // 3 : (c + 1) * width // 3, c] = 255
    return Image.fromarray(pixels)


def test_fits_keep_what_they_say():
    img = striped(96, 32)
    crop, pad, squash = (to_square(img, Target(32, 3, fit))[0] for fit in FITS)
    np.testing.assert_array_equal(crop, np.broadcast_to(np.uint8([0, 255, 0]), (32, 32, 3)))
    assert (pad[:10] == 0).all() and (pad[-11:] == 0).all()
    inner = pad[12:20].astype(int)  # 32 x 11 pixels of a third each
    for c, x in enumerate((5, 16, 26)):
        assert (squash[:, x, c] > 250).all() and (inner[:, x, c] > 250).all()
        assert (squash[:, x].sum(axis=-1) < 265).all() and (inner[:, x].sum(axis=-1) < 265).all()
    for fit, image in zip(FITS, (crop, pad, squash), strict=True):
        np.testing.assert_array_equal(resize_batch(np.asarray(img)[None], 32, fit)[0], image)


def test_bars_are_transparent_with_four_channels():
    square = to_square(striped(30, 10), Target(30, 4, "pad"))[0]
    assert (square[:10, :, 3] == 0).all() and (square[10:20, :, 3] == 255).all()


def test_transparency_is_kept_on_request():
    img = Image.new("RGBA", (8, 8), (100, 150, 200, 51))
    pixels, facts = to_square(img, Target(8, 4))
    assert (pixels == [100, 150, 200, 51]).all() and not facts.composited
    pixels, facts = to_square(img, Target(8, 3))
    np.testing.assert_allclose(pixels[0, 0], [224, 234, 244], atol=1)  # a fifth over white
    assert facts.composited
    assert not to_square(Image.new("RGBA", (8, 8), (1, 2, 3, 255)), Target(8, 3))[1].composited


def test_facts_are_those_of_the_picture():
    _, facts = to_square(Image.new("L", (9, 4)), Target(4, 3))
    assert facts[:4] == (9, 4, "gray", False)
    _, facts = to_square(Image.fromarray(np.full((4, 4), 4095, np.uint16)), Target(4, 1))
    assert facts == (4, 4, "16-bit gray", True, 4095, 0, False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"res": 0}, "config.data.res=0: give a positive"),
        ({"res": True}, "config.data.res=True"),
        ({"res": 8, "channels": 2}, "config.data.channels=2: give 1"),
        ({"res": 8, "fit": "fill"}, "config.data.fit='fill': give 'crop', 'pad' or 'squash'"),
        ({"res": 8, "bits": 40}, "config.data.bits=40: give 1 to 32"),
        ({"res": 8, "bits": 1.5}, "config.data.bits=1.5"),
        ({"res": 8, "interval": (1, 1)}, "two rising numbers"),
        ({"res": 8, "interval": (0, float("nan"))}, "two rising numbers"),
        ({"res": 8, "interval": (0, 1, 2)}, "two rising numbers"),
        ({"res": 8, "interval": "0,1"}, "config.data.range='0,1': give two rising numbers"),
        ({"res": 8, "interval": (0, 1), "bits": 9}, "config.data.bits=9 says so too"),
    ],
)
def test_targets_are_checked(options, message):
    with pytest.raises(UserError) as caught:
        target(**options)
    assert message in str(caught.value)
