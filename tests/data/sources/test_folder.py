"""Folders and zips of images: labels, bad files, options, and what is said of them."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.sources.folder import folder
from jaxgan.runtime.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "images"


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "images"


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
    with pytest.raises(UserError, match=r"1\.png below .* is not readable \(image file is trunc"):
        folder(str(root), res=8, on_bad="stop")
    assert list(cache.iterdir()) == []
    folder(str(root), res=8)
    with pytest.raises(UserError, match=r"1 of 2 files .* 1\.png"):  # known from the cache
        folder(str(root), res=8, on_bad="stop")
    assert capsys.readouterr().err.count("warning") == 1


@pytest.mark.parametrize("make", ["fifo", "dangling", "self", "class", "folder", "huge"])
def test_what_is_no_file_is_a_bad_file(root, make, capsys):
    paint(root / "cat" / "a.png", 1)
    paint(root / "cat" / "c.png", 2)
    bad = root / "cat" / "b.png"
    if make == "fifo":
        os.mkfifo(bad)
    elif make == "dangling":
        bad.symlink_to("/no/such.png")
    elif make == "self":
        bad.symlink_to(bad)
    elif make == "class":
        (root / "dog").symlink_to("/no/such")
    elif make == "folder":
        paint(bad / "a.png", 3)
    else:
        bad.touch()
        os.truncate(bad, 2**40)
    reason = {
        "fifo": "a FIFO, not a file",
        "dangling": "a link to nothing",
        "self": "a link to nothing",
        "class": "dog (a link to nothing)",
        "folder": "a folder, not a file",
        "huge": "1099.5 GB are too many for an image",
    }[make]
    source = folder(str(root), res=8)
    assert values(source) == [1, 2] and source.classes == ("cat",)
    assert "1 file skipped" in source.found
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: config.data: skipped 1 of 3 files") and reason in line
    with pytest.raises(UserError) as caught:
        folder(str(root), res=8, on_bad="stop")
    assert reason in str(caught.value) and "config.data.on_bad=skip" in str(caught.value)


def test_files_and_folders_without_permission_are_bad_files(root, capsys, monkeypatch):
    paint(root / "cat" / "a.png", 1)
    paint(root / "dog" / "b.png", 2)
    paint(root / "emu" / "c.png", 3)
    scan, read = os.scandir, Path.read_bytes

    def denied(call, name):
        def checked(path, *args):
            if not isinstance(path, int) and Path(path).name == name:
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *args)

        return checked

    monkeypatch.setattr(os, "scandir", denied(scan, "dog"))
    monkeypatch.setattr(Path, "read_bytes", denied(read, "c.png"))
    source = folder(str(root), res=8)
    assert (values(source), source.classes) == ([1], ("cat", "emu"))
    assert "skipped 2 of 3 files" in (line := capsys.readouterr().err)
    assert "dog (Permission denied)" in line and "emu/c.png (Permission denied)" in line


def test_the_line_says_what_was_found_dropped_and_passed_over(root, capsys):
    for name, size in (("a", (8, 8)), ("b", (16, 8))):
        paint(root / "cat" / f"{name}.png", 1, size)
    Image.new("RGBA", (8, 8)).save(paint(root / "dog" / "c.png", 1))
    paint(root / ".ipynb_checkpoints" / "a.png", 1)
    paint(root / "__MACOSX" / "cat" / "a.png", 1)
    (root / "cat" / "list.txt").write_text("a, b")
    (root / "dog" / "d.png").write_text("")
    assert folder(str(root), res=8).found == (
        "3 images of 2 classes (cat 2, dog 1), 8x8 to 16x8 RGB (2) and RGBA (1) -> 8x8x3; crop "
        "drops 17% of the area; 1 image composited on white; 1 file skipped; passed over: "
        ".ipynb_checkpoints, __MACOSX, other files (1 .txt)"
    )
    capsys.readouterr()
    shutil.rmtree(root / "dog")
    folder(str(root), res=8)
    (line,) = capsys.readouterr().err.splitlines()
    assert "fit=crop drops 25% of the images' area on average and up to 50%" in line


def test_deep_pictures_are_warned_of_and_spread_by_options(root, capsys):
    root.mkdir()
    deep = np.tile(np.linspace(0, 4095, 32).astype(np.uint16), (32, 1))
    Image.fromarray(deep).save(root / "a.png")
    dark = folder(str(root), res=32, channels=1)
    assert dark.gather(np.arange(1))["image"].max() == 16
    assert "largest value of 1 16-bit image is 4095 of 65535" in (err := capsys.readouterr().err)
    assert "set config.data.bits=12" in err
    for options in ({"bits": 12}, {"range": [0, 4095]}):
        bright = folder(str(root), res=32, channels=1, **options)
        want = np.rint(deep * (255 / 4095))
        np.testing.assert_array_equal(bright.gather(np.arange(1))["image"][0, :, :, 0], want)
        assert bright.fingerprint != dark.fingerprint
    Image.fromarray(deep.astype(np.float32)).save(root / "b.tif")
    assert folder(str(root), res=32, range=(0, 4095)).size == 2
    assert capsys.readouterr().err == ""
    assert folder(str(root), res=32, bits=12).size == 1
    assert "b.tif (float32 pixels from 0 to 4095: set config.data.range)" in capsys.readouterr().err
    paint(root / "a.png", 1)
    with pytest.raises(UserError, match=r"bits=12: no image has more than 8 bits"):
        folder(str(root), res=32, bits=12)


def test_a_zip_is_read_as_its_folder_is(root, tmp_path, capsys):
    for k, name in enumerate(("cat/a", "cat/b", "dog/sub/c")):
        paint(root / f"{name}.png", 20 * k)
    paint(root / "__MACOSX" / "cat" / "._a.png", 99)
    np.save(root / "conditions.npy", np.arange(6.0).reshape(3, 2))
    want = folder(str(root), res=8)
    shutil.make_archive(str(tmp_path / "flat"), "zip", root)
    shutil.make_archive(str(tmp_path / "nested"), "zip", tmp_path, "images")
    for name in ("flat", "nested"):
        got = folder(str(tmp_path / f"{name}.zip"), res=8)
        assert (got.fingerprint, got.classes) == (want.fingerprint, ("cat", "dog"))
        assert got.found == want.found
        for key, column in want.gather(np.arange(3)).items():
            np.testing.assert_array_equal(got.gather(np.arange(3))[key], column)


def test_bad_members_of_a_zip_are_bad_files(root, tmp_path, capsys):
    root.mkdir()
    path = tmp_path / "x.zip"
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("good", "damaged", "locked"):
            Image.fromarray(noise).save(root / "x.png")
            archive.write(root / "x.png", f"{name}.png")
            noise += 1
        offset = archive.getinfo("damaged.png").header_offset
        start = archive.start_dir
    data = bytearray(path.read_bytes())
    data[offset + 100] ^= 1  # its checksum does not fit any more
    data[data.index(b"locked.png", start) - 46 + 8] |= 1  # marked as encrypted
    path.write_bytes(data)
    assert folder(str(path), res=8).size == 1
    assert "skipped 2 of 3 files" in (line := capsys.readouterr().err)
    assert "damaged.png (Bad CRC-32" in line and "locked.png (encrypted)" in line
    with pytest.raises(UserError, match="2 of 3 files|1 of 3 files"):
        folder(str(path), res=8, on_bad="stop")


def test_folders_without_usable_images_are_refused(root, tmp_path, monkeypatch):
    def message(path=root, **options) -> str:
        with pytest.raises(UserError) as caught:
            folder(str(path), **{"res": 8, **options})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no folder" in message()
    paint(root / ".hidden" / "a.png", 1)
    assert "no images below" in (text := message()) and "passed over: .hidden" in text
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme.txt", "no image")
    assert "no images below" in message(tmp_path / "empty.zip")
    (tmp_path / "x.tar").write_text("")
    assert "is no folder and no whole zip" in message(tmp_path / "x.tar")
    np.savez(tmp_path / "x.npz", images=np.zeros((1, 8, 8), np.uint8))
    assert message(tmp_path / "x.npz").endswith(f"write array:{tmp_path / 'x.npz'}")
    (root / "a.png").write_text("")
    assert "1 of 1 files" in message()
    assert "config.data.on_bad='ignore'" in message(on_bad="ignore")
    assert "config.data.channels=2" in message(channels=2)
    paint(root / "a.png", 1)
    np.save(root / "conditions.npy", np.zeros((2, 3)))
    assert "has 2 rows for 1 image files" in message()
    (root / "conditions.npy").write_text("zeros")
    assert "not an array of floats" in message()
    (root / "conditions.npy").unlink()
    os.mkfifo(root / "conditions.npy")
    assert "conditions.npy is a FIFO" in message()
    (root / "conditions.npy").unlink()
    paint(root / "cat" / "b.png", 1)
    assert "1 image beside the class folder 'cat'" in message()
    (root / "cat" / "b.png").unlink()
    monkeypatch.setenv("XDG_CACHE_HOME", str(paint(tmp_path / "file.png", 0)))
    assert "XDG_CACHE_HOME" in message()
