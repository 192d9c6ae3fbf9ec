"""Images from NumPy files: columns, resizing, and files that are refused."""

import os
import time
import zipfile

import numpy as np
import pytest

from jaxgan.data import content
from jaxgan.data.sources import array as reader
from jaxgan.data.sources.array import array
from jaxgan.runtime.errors import UserError

RGB = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def save(path, **columns) -> str:
    np.savez(path, **columns)
    return str(path)


def test_every_column_is_read(tmp_path):
    path = save(
        tmp_path / "x.npz",
        images=RGB,
        labels=np.arange(6) % 2,
        classes=np.array(["cat", "dog"]),
        conditions=np.ones((6, 3)),
    )
    source = array(path)
    batch = source.gather(np.array([3]))
    np.testing.assert_array_equal(batch["image"][0], RGB[3])
    assert batch["label"].tolist() == [1]
    assert (source.classes, source.condition_dim) == (("cat", "dog"), 3)


def test_images_are_resized_and_converted(tmp_path):
    path = save(tmp_path / "x.npz", images=RGB)
    assert array(path, res=4, channels=1).shape == (4, 4, 1)
    gray = save(tmp_path / "g.npz", images=RGB[..., 0])
    assert array(gray).shape == (8, 8, 1)
    batch = array(gray, channels=3).gather(np.array([0]))["image"]
    np.testing.assert_array_equal(batch[0], np.stack([RGB[0, ..., 0]] * 3, -1))


def test_native_resolution_is_the_shorter_side(tmp_path):
    assert array(save(tmp_path / "x.npz", images=RGB[:, :, :5])).shape == (5, 5, 3)


def test_an_npy_of_images_stays_on_disk(tmp_path):
    np.save(tmp_path / "x.npy", RGB)
    source = array(str(tmp_path / "x.npy"))
    np.testing.assert_array_equal(source.gather(np.arange(6))["image"], RGB)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pixels(source) -> np.ndarray:
    return source.gather(np.arange(source.size))["image"]


def test_values_of_any_dtype_are_mapped_to_8_bits(tmp_path):
    def read(images, **options):
        return pixels(array(save(tmp_path / "x.npz", images=images), **options))

    np.testing.assert_array_equal(read(RGB / np.float32(255), range=(0, 1)), RGB)
    np.testing.assert_array_equal(read(RGB / 127.5 - 1, range=(-1, 1)), RGB)
    np.testing.assert_array_equal(read(RGB.astype(np.float16), range=(0, 255)), RGB)
    np.testing.assert_array_equal(read(RGB.astype(np.uint16) * 257), RGB)
    np.testing.assert_array_equal(read(RGB.astype(">i8"), bits=8), RGB)
    np.testing.assert_array_equal(read(RGB > 99), (RGB > 99) * np.uint8(255))
    np.testing.assert_array_equal(read(RGB % 2, range=(0, 1)), RGB % 2 * 255)
    rgba = np.concatenate([RGB % 2, RGB[..., :1]], axis=-1)
    np.testing.assert_array_equal(read(rgba, range=(0, 1))[..., :3], RGB % 2 * 255)
    np.testing.assert_array_equal(read(rgba, range=(0, 1))[..., 3], RGB[..., 0])
    deep = RGB.astype(np.uint16) * 16 + 15
    np.testing.assert_array_equal(read(deep, bits=12), np.rint(deep * (255 / 4095)))


def test_the_line_says_what_was_found_and_what_was_lost(tmp_path, capsys):
    rgba = np.concatenate([RGB, np.full_like(RGB[..., :1], 255)], axis=-1)
    rgba[:2, 0, 0, 3] = 0
    path = save(tmp_path / "x.npz", images=rgba, labels=np.arange(6) % 2, y=np.arange(6))
    assert array(path, channels=3).found == (
        "6 images of 2 classes (0 3, 1 3), 8x8 RGBA -> 8x8x3; 2 images composited on white; "
        "not read: y"
    )
    assert array(path).found.startswith("6 images of 2 classes (0 3, 1 3), 8x8x4")
    assert capsys.readouterr().err == ""
    path = save(tmp_path / "x.npz", images=np.float32([0, 0.5, 1, 2]).reshape(1, 2, 2))
    assert "25.00% of the values were clipped" in array(path, range=(0, 1)).found


def test_crops_and_dark_arrays_are_warned_of(tmp_path, capsys):
    path = save(tmp_path / "x.npz", images=RGB[:, :, :4])
    assert "4x8 RGB -> 4x4x3; crop drops 50% of the area" in array(path).found
    assert "config.data.fit=pad or squash keeps all" in capsys.readouterr().err
    assert array(path, fit="squash", res=8).shape == (8, 8, 3)
    assert capsys.readouterr().err == ""
    path = save(tmp_path / "x.npz", images=RGB.astype(np.uint16) * 16)
    array(path)
    assert "set config.data.bits=12" in capsys.readouterr().err
    array(path, bits=12)
    assert capsys.readouterr().err == ""


def test_the_fingerprint_is_of_the_images_as_seen(tmp_path, monkeypatch):
    mark = array(save(tmp_path / "a.npz", images=RGB)).fingerprint
    assert mark and mark == array(save(tmp_path / "b.npz", images=RGB)).fingerprint
    assert mark == array(save(tmp_path / "b.npz", images=RGB * 257.0), range=(0, 65535)).fingerprint
    assert mark != array(str(tmp_path / "a.npz"), res=4).fingerprint
    assert mark != array(save(tmp_path / "b.npz", images=RGB[::-1])).fingerprint
    assert mark != array(save(tmp_path / "b.npz", images=RGB, labels=np.arange(6))).fingerprint

    np.save(tmp_path / "x.npy", RGB)
    settled = time.time_ns() - 10**10
    monkeypatch.setattr(content, "stamp", lambda at: [at.st_size, settled, settled])
    assert array(str(tmp_path / "x.npy")).fingerprint == mark
    monkeypatch.setattr(reader, "digest", lambda *_: 1 / 0)
    assert array(str(tmp_path / "x.npy")).fingerprint == mark, "hashed again"


def message(path, **options) -> str:
    with pytest.raises(UserError) as caught:
        array(str(path), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_messages_name_the_error_of_the_file(tmp_path):
    assert "no file" in message(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    assert "not a readable .npz or .npy" in message(tmp_path / "text.npz")
    many = {f"p{i}": RGB[0] for i in range(30)}
    assert "no 'images', only p0, p1" in message(save(tmp_path / "k.npz", **many))
    assert "and 20 more;" in message(tmp_path / "k.npz")
    assert "one per image" in message(save(tmp_path / "l.npz", images=RGB, labels=np.arange(5)))
    assert "config.data.channels=2" in message(save(tmp_path / "c.npz", images=RGB), channels=2)
    pickled = save(tmp_path / "p.npz", images=np.array([{}], dtype=object))
    assert "not a readable" in message(pickled)
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert "not a readable" in message(tmp_path / "half.npz")
    assert f"write folder:{tmp_path}" in message(tmp_path)
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        for i in range(40):
            archive.writestr(f"{i}.png", b"")
    assert message(tmp_path / "pictures.zip").endswith(f"folder:{tmp_path / 'pictures.zip'}")
    os.mkfifo(tmp_path / "pipe.npy")
    assert "is no file; give an .npz" in message(tmp_path / "pipe.npy")


@pytest.mark.parametrize(
    ("images", "options", "wanted"),
    [
        (RGB / 255, {}, "are float64 and range from 0 to 1; set config.data.range=low,high"),
        (RGB / 127.5 - 1, {}, "such as -1,1"),
        (RGB.astype(np.int64), {}, "such as 0,255"),
        (RGB * 1000.0, {"bits": 12}, "config.data.bits=12: the images are float64"),
        (RGB.astype(np.uint16), {"bits": 17}, "bits=17: the images are uint16, which has fewer"),
        (RGB, {"bits": 12}, "config.data.bits=12: the images are uint8"),
        (np.where(RGB > 250, np.nan, RGB), {"range": (0, 255)}, "not finite"),
        (np.where(RGB > 250, np.inf, RGB), {}, "not finite"),
        (np.full((2, 4, 4), np.nan), {}, "not finite"),
        (RGB.transpose(0, 3, 1, 2), {}, "looks like channels first"),
        (RGB.transpose(0, 3, 1, 2) / 255, {"range": (0, 1)}, "looks like channels first"),
        (RGB.transpose(1, 2, 3, 0), {}, "have 6 channels"),
        (np.zeros((64, 64, 3), np.uint8), {}, r"looks like one image"),
        (RGB.astype(complex), {}, "complex128"),
        (RGB[0, 0], {}, "of shape (8, 3)"),
        (RGB[:0], {}, "of shape (0, 8, 8, 3)"),
    ],
)
def test_arrays_that_are_no_images_are_refused(tmp_path, images, options, wanted):
    assert wanted in message(save(tmp_path / "x.npz", images=images), **options)


def test_members_that_are_no_arrays_or_bombs_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "junk.npz", "w") as file:
        file.writestr("images.npy", b"junk")
    assert "a member that is no array" in message(tmp_path / "junk.npz")
    for names in (["images"], ["a", "b"]):
        with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
            for name in names[1:]:
                file.writestr(f"{name}.npy", b"")
            with file.open(f"{names[0]}.npy", "w") as member:
                for _ in range(260):
                    member.write(bytes(2**20))
        assert "0.3 GB in" in message(tmp_path / "bomb.npz")
    assert "no such home" in message("~no-such-user/x.npz")


def test_an_npy_that_cannot_be_read_to_its_end_is_refused(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.zeros((2, 8, 8, 3), np.uint8))

    def broken(columns):
        raise OSError("Input/output error")

    monkeypatch.setattr("jaxgan.data.sources.array.digest", broken)
    with pytest.raises(UserError, match="a.npy is not readable .*Input/output error"):
        array(str(tmp_path / "a.npy"))
