"""Folders of images: labels, bad files, and the cache of decoded pixels."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.sources import folder as reader
from jaxgan.data.sources.folder import folder
from jaxgan.runtime.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "folders"


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "images"


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files decoded so far."""
    names, decode = [], reader._decode

    def count(path, res, channels):
        names.append(path.name)
        return decode(path, res, channels)

    monkeypatch.setattr(reader, "_decode", count)
    return names


def paint(path: Path, value: int, size: tuple[int, int] = (12, 10)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)
    return path


def truncate(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:1500])


def values(source) -> list[int]:
    return source.gather(np.arange(source.size))["image"][:, 0, 0, 0].tolist()


def test_images_in_the_folder_itself_have_no_labels(root):
    for k, suffix in enumerate(("png", "BMP", "gif", "webp", "Jpg", "jpeg")):
        paint(root / f"{k}.{suffix}", 40 * k)
    paint(root / "._0.png", 255)
    (root / "readme.txt").write_text("no image")
    source = folder(str(root), res=8)
    assert (source.size, source.shape, source.classes) == (6, (8, 8, 3), ())
    np.testing.assert_allclose(values(source), [0, 40, 80, 120, 160, 200], atol=2)
    assert set(source.gather(np.array([0]))) == {"image"}


def test_subfolders_are_classes_at_any_depth(root):
    paint(root / "dog" / "a.png", 10)
    paint(root / "cat" / "z" / "b.png", 20)
    paint(root / "cat" / "a.png", 30)
    (root / "empty").mkdir()
    source = folder(str(root), res=8, channels=1)
    batch = source.gather(np.arange(3))
    assert source.classes == ("cat", "dog")
    assert batch["label"].tolist() == [0, 0, 1]
    assert batch["image"][:, 0, 0, 0].tolist() == [30, 20, 10]


def test_transparency_in_files_turns_white(root):
    root.mkdir()
    picture = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    picture.save(root / "a.png")
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.save(root / "b.png", transparency=0)
    palette.save(root / "c.png")
    assert values(folder(str(root), res=8)) == [255, 255, 0]


def test_a_bad_file_is_named_and_skipped_with_its_conditions(root, capsys):
    for k in range(4):
        paint(root / f"{k}.png", k)
    truncate(root / "1.png")
    (root / "2.png").write_text("no image at all")
    np.save(root / "conditions.npy", np.arange(8.0).reshape(4, 2))
    for _ in range(2):  # the second time from the cache
        source = folder(str(root), res=8)
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("warning: config.data: skipped 2 of 4 files")
        assert "1.png (image file is truncated" in line
        assert "2.png (no known image format)" in line
        assert source.size == 2
        assert values(source) == [0, 3]
        assert source.gather(np.array([1]))["condition"].tolist() == [[6, 7]]


def test_many_bad_files_are_counted(root, capsys):
    paint(root / "good.png", 1)
    for k in range(13):
        (root / f"bad{k:02}.png").write_text("")
    folder(str(root), res=8)
    (line,) = capsys.readouterr().err.splitlines()
    assert "bad09.png" in line
    assert "bad10.png" not in line
    assert line.endswith("and 3 more")


def test_a_bad_file_stops_the_run_on_request(root, cache, capsys):
    paint(root / "0.png", 1)
    truncate(paint(root / "1.png", 1))
    with pytest.raises(UserError, match=r"1\.png is not readable \(image file is truncated"):
        folder(str(root), res=8, on_bad="stop")
    assert list(cache.iterdir()) == []
    folder(str(root), res=8)
    with pytest.raises(UserError, match=r"1 of 2 files .* 1\.png"):  # known from the cache
        folder(str(root), res=8, on_bad="stop")
    assert capsys.readouterr().err.count("warning") == 1


def test_the_cache_is_reused_until_something_changes(root, decoded):
    paths = [paint(root / f"{k}.bmp", k) for k in range(3)]

    def load(**options) -> int:
        decoded.clear()
        folder(str(root), **{"res": 8, **options})
        return len(decoded)

    assert load() == 3
    assert load() == 0
    assert load(res=4) == 3
    assert load(channels=1) == 3
    size = paths[0].stat().st_size
    paint(paths[0], 9)
    assert paths[0].stat().st_size == size
    os.utime(paths[0], ns=(1, 1))
    assert load() == 3
    assert values(folder(str(root), res=8)) == [9, 1, 2]
    paint(root / "3.bmp", 3)
    assert load() == 4


@pytest.mark.parametrize("crash_in", ["decode", "pixels", "notes"])
def test_a_crash_leaves_no_incomplete_cache(root, cache, decoded, monkeypatch, crash_in):
    for k in range(3):
        paint(root / f"{k}.png", k)
    with monkeypatch.context() as patch:
        if crash_in == "decode":
            patch.setattr(reader, "_decode", lambda *_: 1 / 0)
        else:
            nth, replace = {"pixels": 0, "notes": 1}[crash_in], os.replace
            calls = iter(range(2))
            patch.setattr(
                os, "replace", lambda a, b: 1 / 0 if next(calls) == nth else replace(a, b)
            )
        with pytest.raises(ZeroDivisionError):
            folder(str(root), res=8)
    assert not list(cache.glob("*.json"))
    assert not list(cache.glob("writing-*"))
    decoded.clear()
    assert values(folder(str(root), res=8)) == [0, 1, 2]
    assert len(decoded) == 3


def test_the_cache_records_its_folder_and_files(root, cache):
    paint(root / "a.png", 1)
    folder(str(root), res=8)
    notes, pixels = (next(cache.glob(f"*.{kind}")) for kind in ("json", "npy"))
    assert json.loads(notes.read_text()) == {"folder": str(root), "files": ["a.png"], "bad": {}}
    assert np.load(pixels).shape == (1, 8, 8, 3)


def test_folders_without_usable_images_are_refused(root, tmp_path, monkeypatch):
    def message(**options) -> str:
        with pytest.raises(UserError) as caught:
            folder(str(root), **{"res": 8, **options})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no folder" in message()
    root.mkdir()
    assert "no images below" in message()
    (root / "a.png").write_text("")
    assert "1 of 1 files" in message()
    assert "on_bad='ignore'" in message(on_bad="ignore")
    assert "channels=2" in message(channels=2)
    paint(root / "a.png", 1)
    np.save(root / "conditions.npy", np.zeros((2, 3)))
    assert "has 2 rows for 1 image files" in message()
    (root / "conditions.npy").write_text("zeros")
    assert "not an array of floats" in message()
    (root / "conditions.npy").unlink()
    paint(root / "cat" / "b.png", 1)
    assert "1 images beside the class folder 'cat'" in message()
    (root / "cat" / "b.png").unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(paint(tmp_path / "file.png", 0)))
    assert "XDG_CACHE_HOME" in message()
