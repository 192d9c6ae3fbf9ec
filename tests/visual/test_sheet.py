"""Sheets: large tiles in their places, names in gutters, several beside each other, animations."""

import numpy as np
import pytest
from PIL import Image

from jaxgan.visual import sheet as sheets
from jaxgan.visual.sheet import GUTTER, LINE, PAPER, TILE, beside, enlarged, sheet


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiles_stand_in_rows_and_columns_on_opaque_paper(channels):
    images = np.random.default_rng(0).integers(0, 255, (5, 20, 30, channels), np.uint8)
    found = sheet(images, 3)
    height, width = 4 * 20, 4 * 30  # the least whole number of times that makes 64 pixels
    assert found.shape == (GUTTER + 2 * (height + GUTTER), GUTTER + 3 * (width + GUTTER), channels)
    for i in range(5):
        y, x = GUTTER + i // 3 * (height + GUTTER), GUTTER + i % 3 * (width + GUTTER)
        np.testing.assert_array_equal(found[y : y + height, x : x + width], enlarged(images)[i])
    assert (found[:GUTTER, :, 0] == PAPER).all() and (found[-GUTTER:, -width:, 0] == PAPER).all()
    assert channels < 4 or (found[:GUTTER, :, 3] == 255).all()
    assert enlarged(images[:, :, :, :1].repeat(8, 1).repeat(8, 2)).shape[1] == 160, "large: as is"


def test_names_are_written_in_gutters_and_change_no_tile():
    images = np.full((4, TILE, TILE, 3), 90, np.uint8)
    plain = sheet(images, 2)
    for options, grown in (
        ({"rows": ["a row", "b"]}, (0, 1)),
        ({"names": ["one", "two"]}, (LINE, 0)),
        ({"captions": list("abcd")}, (2 * LINE, 0)),
        ({"title": "Überlanger Name 犬\n" * 9}, (LINE, 0)),
    ):
        found = sheet(images, 2, **options)
        assert found.shape[0] == plain.shape[0] + grown[0]
        assert (found.shape[1] > plain.shape[1]) == bool(grown[1])
        assert (found == 90).all(axis=2).sum() >= 4 * TILE**2
        assert (found.max(axis=2) < 80).any(), f"ink of {options}"


def test_sheets_of_two_heights_stand_beside_each_other():
    one, two = np.zeros((9, 5, 3), np.uint8), np.ones((4, 6, 3), np.uint8)
    found = beside([one, two])
    assert found.shape == (9, 11, 3)
    assert (found[:4, 5:] == 1).all() and (found[4:, 5:] == PAPER).all()


@pytest.mark.parametrize("suffix", ["png", "webp", "gif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_and_animations_read_back(tmp_path, suffix, channels):
    frames = [np.full((8, 6, channels), 40 * i, np.uint8) for i in range(3)]
    path = tmp_path / f"a.{suffix}"
    sheets.save(path, frames if suffix == "gif" else frames[1:2])
    with Image.open(path) as image:
        assert image.size == (6, 8) and getattr(image, "n_frames", 1) == 1 + 2 * (suffix == "gif")
        image.seek(suffix == "gif")
        assert abs(int(np.asarray(image.convert("L"))[0, 0]) - 40) <= 1
