"""Translated files: names, sizes, channels and the sheet, by nets that have not been trained."""

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import translate
from jaxgan.core import game as core
from jaxgan.core.game import Spec
from jaxgan.generation import translated
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.visual import sheet as sheets

ADAM = {"name": "adam", "lr": 2e-4}
SPEC = Spec((16, 16, 3), other=(16, 16, 1))
CONFIG = {
    "data": {"name": "photos_ab", "res": 16},
    "game": {
        "name": "translation",
        "g": {"name": "cyclegan.ResNetGenerator", "width": 2, "blocks": 1},
        "d": {"name": "cyclegan.PixelDiscriminator", "width": 2},
    },
    "optim": {"g": ADAM, "d": ADAM},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A workdir whose checkpoint holds initial weights."""
    folder = tmp_path_factory.mktemp("run")
    record = workdir.Record(CONFIG, SPEC, 1)
    workdir.write(folder, record)
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(core.init(record.game(), jax.random.key(0)), 0)
    checkpoints.close()
    return folder


def picture(path, width, height, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels, mode).save(path)
    return path


def test_files_and_folders_are_translated_at_their_own_size(run, tmp_path):
    picture(tmp_path / "in" / "wide.png", 37, 14)
    picture(tmp_path / "in" / "deep" / "tall.jpg", 13, 24)
    alone = picture(tmp_path / "alone.png", 16, 16, "RGBA")
    out = tmp_path / "out"
    assert translate.main([f"{alone}", f"{tmp_path}/in", f"--workdir={run}", f"--out={out}"]) == 0
    sizes = {
        str(path.relative_to(out)): Image.open(path).size
        for path in out.rglob("*.png")
        if path.name != "sheet.png"
    }
    assert sizes == {"wide.png": (37, 14), "deep/tall.png": (13, 24), "alone.png": (16, 16)}
    assert Image.open(out / "wide.png").mode == "L", "B is gray"
    step = translated.TILE + sheets.GUTTER
    size = sheets.GUTTER + 3 * step, sheets.GUTTER + sheets.LINE + 3 * step
    assert Image.open(out / "sheet.png").size == size


@pytest.mark.parametrize("name", ["broken.png", "empty.png", "text.png"])
def test_a_bad_picture_is_found_before_any_is_written(run, tmp_path, name):
    good = picture(tmp_path / "a.png", 16, 16)
    bad = tmp_path / name
    whole = good.read_bytes()
    bad.write_bytes({"broken.png": whole[:80], "empty.png": b"", "text.png": b"text"}[name])
    out = tmp_path / "out"
    with pytest.raises(UserError, match=f"{name}: cannot be read as an image"):
        translate.main([f"{good}", f"{bad}", f"--workdir={run}", f"--out={out}"])
    assert not out.exists()


def test_a_sheet_shows_gray_colors_and_transparency_side_by_side():
    gray, colors, clear = (np.full((9, 12, c), 50 * c, np.uint8) for c in (1, 3, 4))
    sheet = translated.sheet([[gray, colors, clear]])
    step, top = translated.TILE + sheets.GUTTER, sheets.GUTTER + sheets.LINE
    assert sheet.shape == (top + step, sheets.GUTTER + 3 * step, 4)
    assert sheet[:top].min() < 100, "names of columns"
    shown = sheet[top, sheets.GUTTER :: step].tolist()
    assert shown == [[50, 50, 50, 255], [150, 150, 150, 255], [200] * 4]


def test_a_translation_is_the_games_sample(run):
    record, game, state = workdir.restore(run)
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    x = image[None].astype(np.float32) / 127.5 - 1
    want = game.sample(state, {"a": x}, jax.random.key(0))
    got = translated.padded(game.translators["a2b"], state, x, jax.random.key(0))
    np.testing.assert_allclose(got, want, atol=1e-6)


def test_the_shorter_side_is_set_and_the_way_back_is_shown(run, tmp_path):
    path = picture(tmp_path / "gray.png", 60, 30, "L")
    record, game, state = workdir.restore(run)
    pictures = translated.find([path])
    (row,) = translated.rows(game, record.spec, state, "b2a", pictures, res=20)
    assert [each.shape for each in row] == [(20, 40, 1), (20, 40, 3), (20, 40, 1)]
    assert all(each.dtype == np.uint8 for each in row)


def test_bad_input_is_one_line_that_names_the_path(run, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    twice = [picture(tmp_path / name / "x.png", 8, 8) for name in ("p", "q")]
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    cases = [
        ([broken], "out", "broken.png: cannot be read as an image"),
        ([tmp_path / "none.png"], "out", "none.png: no image file and no folder"),
        ([tmp_path / "empty"], "out", "no images below .*empty"),
        (twice, "out", "would both be written as x.png"),
        ([twice[0]], "full", "full: the folder is not empty"),
        ([picture(tmp_path / "sheet.png", 8, 8)], "out", "that name is the sheet's"),
    ]
    for places, out, text in cases:
        flags = [*map(str, places), f"--workdir={run}", f"--out={tmp_path / out}"]
        with pytest.raises(UserError, match=text) as error:
            translate.main(flags)
        assert "\n" not in str(error.value)


def test_other_games_do_not_translate(run):
    record, game, state = workdir.restore(run)
    with pytest.raises(UserError, match="does not translate"):
        list(translated.rows(game._replace(translators={}), record.spec, state, "a2b", []))
