"""Images that installed packages include: contents, sizes, labels."""

import numpy as np
import pytest

from jaxgan.data.pipeline import Batches
from jaxgan.data.sources.embedded import digits, mnist, photos
from jaxgan.runtime.errors import UserError


def everything(source) -> dict[str, np.ndarray]:
    return source.gather(np.arange(source.size))


def test_mnist_has_500_of_each_class():
    source = mnist()
    batch = everything(source)
    assert (source.size, source.shape, source.classes) == (5000, (28, 28, 1), tuple("0123456789"))
    assert np.bincount(batch["label"]).tolist() == [500] * 10
    assert batch["image"].dtype == np.uint8
    assert batch["image"].max() == 255
    ones, zeros = (batch["image"][batch["label"] == k].mean() for k in (1, 0))
    assert ones < zeros / 1.5  # a one has far less ink: the labels belong to the images


def test_mnist_is_stored_by_class_and_served_shuffled():
    labels = Batches(mnist(), batch=64, seed=0)(0)["label"]
    assert len(set(labels.tolist())) > 7
    assert (np.diff(labels) < 0).any()


def test_mnist_at_32_is_padded_by_two():
    small, padded = everything(mnist())["image"], everything(mnist(res=32))["image"]
    np.testing.assert_array_equal(padded[:, 2:-2, 2:-2], small)
    assert padded.sum(dtype=np.int64) == small.sum(dtype=np.int64)


def test_mnist_resizes_with_antialiasing():
    full, half = everything(mnist())["image"], everything(mnist(res=14))["image"]
    averaged = full.reshape(5000, 14, 2, 14, 2, 1).mean((2, 4))
    assert abs(half - averaged).mean() < 5  # picking every other pixel gives 14


def test_digits_match_scikit_learn():
    from sklearn.datasets import load_digits

    want, got = load_digits(), everything(digits())
    np.testing.assert_array_equal(got["image"][..., 0], np.rint(want.images * 255 / 16))
    np.testing.assert_array_equal(got["label"], want.target)
    assert digits(res=16).shape == (16, 16, 1)


def test_photo_crops_are_functions_of_their_index():
    source = photos(res=32, crops=100)
    together = source.gather(np.arange(10))["image"]
    alone = photos(res=32, crops=50).gather(np.array([7, 2]))["image"]
    np.testing.assert_array_equal(alone, together[[7, 2]])
    assert together.dtype == np.uint8
    assert len({image.tobytes() for image in together}) == 10
    assert source.classes == ()


def test_lines_and_fingerprints_identify_what_was_read():
    sources = [photos(), photos(res=32), photos(crops=9), digits(), digits(res=16)]
    assert len({source.fingerprint for source in sources} - {""}) == 5
    assert photos().fingerprint == sources[0].fingerprint
    assert digits().fingerprint == sources[3].fingerprint
    assert sources[2].describe() == "9 images, 64x64x3"
    assert digits().found.startswith("1797 images of 10 classes (0 178, 1 182, ")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: photos(res=500), "427 pixels high"),
        (lambda: photos(crops=0), "crops=0"),
        (lambda: mnist(res=0), "res=0"),
        (lambda: digits(res="8"), "res='8'"),
    ],
)
def test_sizes_and_numbers_out_of_range_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
