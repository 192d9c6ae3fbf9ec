"""Images from NumPy files: columns, resizing, and files that are refused."""

import numpy as np
import pytest

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


def test_messages_name_the_error_of_the_file(tmp_path):
    def message(path, **options) -> str:
        with pytest.raises(UserError) as caught:
            array(str(path), **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no file" in message(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not an archive")
    assert "not a readable .npz or .npy" in message(tmp_path / "text.npz")
    assert "no 'images', only ['pictures']" in message(save(tmp_path / "k.npz", pictures=RGB))
    floats = save(tmp_path / "f.npz", images=RGB / 255)
    assert "float64" in message(floats)
    assert "one per image" in message(save(tmp_path / "l.npz", images=RGB, labels=np.arange(5)))
    assert "cannot make 2 channels of 3" in message(
        save(tmp_path / "c.npz", images=RGB), channels=2
    )
    pickled = save(tmp_path / "p.npz", images=np.array([{}], dtype=object))
    assert "not a readable" in message(pickled)
    whole = (tmp_path / "c.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    assert "not a readable" in message(tmp_path / "half.npz")
