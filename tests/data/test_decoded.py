"""The cache of decoded images: found again by content, whole or not at all."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import content
from jaxgan.data import decoded as decoding
from jaxgan.data.sources.folder import folder
from jaxgan.runtime import processes
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize(
    "damage",
    ["truncated", "flipped", "no pixels", "no notes", "{", "[]", "changed", "other record"],
)
def test_a_damaged_cache_is_made_anew(root, cache, count, damage):
    folder(str(root), res=8)
    notes, pixels = (next(cache.glob(f"*.{kind}")) for kind in ("json", "pixels"))
    record = content.opened(notes.read_text())
    assert record["of"] == str(root)
    assert pixels.stat().st_size == 3 * 8 * 8 * 3
    if damage == "truncated":
        os.truncate(pixels, 100)
    elif damage == "flipped":
        data = bytearray(pixels.read_bytes())
        data[0] ^= 255
        pixels.write_bytes(data)
    elif damage == "changed":  # valid JSON, and of another type where it was changed
        notes.write_text(notes.read_text().replace("bad", "bat"))
    elif damage == "other record":
        notes.write_text(content.sealed(record | {"mark": "0" * 32}))
    elif damage.startswith("no "):
        (pixels if damage == "no pixels" else notes).unlink()
    else:
        notes.write_text(damage)
    assert values(folder(str(root), res=8)) == [0, 1, 2]
    assert len(count) == 6


def test_pixels_that_no_file_of_its_size_has_are_not_decoded(root, capsys):
    """A few kilobytes may declare billions of pixels, and a decoder would make them all."""
    Image.new("P", (6000, 6000)).save(root / "bomb.png", optimize=True)
    assert (root / "bomb.png").stat().st_size < 50_000
    assert folder(str(root), res=8).size == 3
    assert "6000x6000 pixels in" in capsys.readouterr().err


def test_a_large_palette_takes_little_memory(tmp_path):
    """As RGBA it takes 4 bytes for each of its 30 million pixels, and several such did 14."""
    image = Image.new("P", (5480, 5480))
    image.save(tmp_path / "a.png", transparency=b"\x80\x40")
    code = """if True:
        import resource, sys
        from pathlib import Path
        from jaxgan.data import decoded, images
        data = Path(sys.argv[1]).read_bytes()
        decoded._decode(Path(sys.argv[2]).read_bytes(), images.Target(8))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pixels, facts = decoded._decode(data, images.Target(8))
        assert facts.composited and pixels.shape == (8, 8, 3)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    Image.new("P", (8, 8)).save(tmp_path / "b.png", transparency=b"\x80\x40")
    command = [sys.executable, "-c", code, str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 8 * 5480**2


def test_few_decoded_images_wait_to_be_written():
    """Those of a large data set would fill the memory."""
    started, most = [], 0
    with ThreadPoolExecutor(4) as pool:
        results = decoding.ahead(pool, lambda i: started.append(i) or i, range(500))
        for i, result in enumerate(results):
            assert result == i
            most = max(most, len(started) - i)
    assert len(started) == 500 and most <= 2 * decoding._THREADS


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


def test_of_several_processes_the_first_decodes_before_the_others_look(root, count, monkeypatch):
    said = []

    def other_decodes(key, seconds):
        said.append((key, seconds))
        with monkeypatch.context() as as_first:
            as_first.setattr(processes, "first", lambda: True)
            as_first.setattr(processes, "announce", said.append)
            folder(str(root), res=8)

    monkeypatch.setattr(processes, "first", lambda: False)
    monkeypatch.setattr(processes, "await_announced", other_decodes)
    assert values(folder(str(root), res=8)) == [0, 1, 2]
    assert len(count) == 3, "once, not by each"
    (awaited, seconds), announced = said
    assert awaited == announced and seconds >= 3600
    monkeypatch.setattr(processes, "await_announced", lambda key, seconds: None)
    folder(str(root), res=4)
    assert len(count) == 6, "a cache of its own host"


def test_the_disk_that_decoding_takes_is_said_before_it_is_taken(root, cache, capsys, monkeypatch):
    usage = shutil.disk_usage(root)._replace(free=2 * 10**6)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    folder(str(root), res=128)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"decoding 3 images takes up to 0.1 MB of disk in {cache}, which has 2.0 MB free"
    folder(str(root), res=128)  # from the cache
    folder(str(root), res=8)  # a few bytes
    assert not capsys.readouterr().err
