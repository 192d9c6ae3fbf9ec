"""The cache of decoded images: found again by content, whole or not at all."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import decoded as decoding
from jaxgan.data.sources.folder import folder
from jaxgan.runtime.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "images"


@pytest.fixture
def root(tmp_path) -> Path:
    for k in range(3):
        paint(tmp_path / "images" / f"{k}.bmp", k)
    return tmp_path / "images"


@pytest.fixture
def count(monkeypatch) -> list[int]:
    """Grows with every file that is decoded."""
    found, decode = [], decoding._decode

    def counting(data, want):
        found.append(len(data))
        return decode(data, want)

    monkeypatch.setattr(decoding, "_decode", counting)
    return found


def paint(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 10), (value, value, value)).save(path)
    return path


def values(source) -> list[int]:
    return source.gather(np.arange(source.size))["image"][:, 0, 0, 0].tolist()


def test_files_are_decoded_once_until_their_content_changes(root, count):
    def load(path=root, **options) -> int:
        count.clear()
        folder(str(path), **{"res": 8, **options})
        return len(count)

    assert [load(), load()] == [3, 0]
    assert [load(res=4), load(channels=1), load(fit="pad"), load(range=(0, 9))] == [3] * 4
    os.utime(root / "0.bmp", ns=(1, 1))
    assert load() == 0, "the same content at another time"
    times = (root / "0.bmp").stat()
    paint(root / "0.bmp", 9)
    os.utime(root / "0.bmp", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert load() == 3, "other content of the same size and time"
    assert values(folder(str(root), res=8)) == [9, 1, 2]
    paint(root / "3.bmp", 3)
    assert load() == 4


def test_moved_and_copied_data_are_recognized(root, tmp_path, count):
    before = folder(str(root), res=8)
    shutil.copytree(root, tmp_path / "copy")
    copied = folder(str(tmp_path / "copy"), res=8)
    root.rename(tmp_path / "moved")
    moved = folder(str(tmp_path / "moved"), res=8)
    assert len(count) == 3
    assert before.fingerprint and before.fingerprint == copied.fingerprint == moved.fingerprint
    np.testing.assert_array_equal(*(s.gather(np.arange(3))["image"] for s in (before, moved)))


def test_the_fingerprint_is_of_what_the_run_sees(root):
    def mark(**options) -> str:
        return folder(str(root), **{"res": 8, **options}).fingerprint

    first = mark()
    assert first == mark(range=(0, 255)) == mark(fit="crop")
    assert len({first, mark(res=4), mark(channels=1), mark(fit="pad")}) == 4
    (root / "9.png").write_text("")
    assert mark() == first, "a bad file is not seen"
    Image.open(root / "0.bmp").save(root / "0.png")
    (root / "0.bmp").unlink()
    assert mark() == first, "another format of the same pixels"
    for name in ("a", "b"):
        (root / name).mkdir()
    (root / "0.png").rename(root / "a" / "0.png")
    for k in (1, 2):
        (root / f"{k}.bmp").rename(root / "b" / f"{k}.bmp")
    (root / "9.png").unlink()
    labeled = mark()
    (root / "b").rename(root / "c")
    assert len({first, labeled, mark()}) == 3


@pytest.mark.parametrize("crash_in", ["decode", "pixels", "notes"])
def test_a_crash_leaves_no_incomplete_cache(root, cache, count, monkeypatch, crash_in):
    with monkeypatch.context() as patch:
        if crash_in == "decode":
            patch.setattr(decoding, "_decode", lambda *_: 1 / 0)
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
    count.clear()
    assert values(folder(str(root), res=8)) == [0, 1, 2]
    assert len(count) == 3


@pytest.mark.parametrize("damage", ["truncated", "no pixels", "no notes", "broken notes"])
def test_a_damaged_cache_is_made_anew(root, cache, count, damage):
    folder(str(root), res=8)
    notes, pixels = (next(cache.glob(f"*.{kind}")) for kind in ("json", "pixels"))
    assert json.loads(notes.read_text())["of"] == str(root)
    assert pixels.stat().st_size == 3 * 8 * 8 * 3
    if damage == "truncated":
        os.truncate(pixels, 100)
    elif damage == "broken notes":
        notes.write_text("{")
    else:
        (pixels if damage == "no pixels" else notes).unlink()
    assert values(folder(str(root), res=8)) == [0, 1, 2]
    assert len(count) == 6


def test_rows_of_bad_files_are_left_out(root, capsys):
    (root / "1.bmp").write_bytes((root / "1.bmp").read_bytes()[:99])
    for _ in range(2):  # the second time from the cache
        source = folder(str(root), res=8)
        assert (source.size, values(source)) == (2, [0, 2])


def test_a_file_that_changes_meanwhile_is_not_cached(root, cache, monkeypatch):
    hashes = iter(range(99))
    monkeypatch.setattr(decoding.content, "hashed", lambda data: f"{next(hashes)}")
    with pytest.raises(UserError, match="changed while it was read"):
        folder(str(root), res=8)
    assert not list(cache.iterdir())


def test_what_a_decoder_raises_makes_a_bad_file(root, monkeypatch, capsys):
    square = decoding.to_square

    def fails(img, want):
        if img.getpixel((0, 0)) == (1, 1, 1):
            raise KeyError("no such\nchunk")
        return square(img, want)

    monkeypatch.setattr(decoding, "to_square", fails)
    assert values(folder(str(root), res=8)) == [0, 2]
    assert "1.bmp ('no such\\nchunk')" in capsys.readouterr().err


def test_an_image_beyond_memory_is_not_recorded_as_bad(root, cache, monkeypatch):
    def too_large(img, want):
        raise MemoryError

    monkeypatch.setattr(decoding, "to_square", too_large)
    with pytest.raises(UserError, match="bmp below .* does not fit in memory"):
        folder(str(root), res=8)
    assert list(cache.iterdir()) == []


def test_a_bomb_is_a_bad_file(root, monkeypatch, capsys):
    Image.new("1", (300, 300)).save(root / "3.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert folder(str(root), res=8).size == 3
    assert "3.png (Image size (90000 pixels) exceeds limit" in capsys.readouterr().err


def test_a_full_disk_is_one_line(root, monkeypatch):
    usage = shutil._ntuple_diskusage(1000, 999, 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"set XDG_CACHE_HOME to a larger disk"):
        folder(str(root), res=8)
