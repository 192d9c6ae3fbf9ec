"""Data of two domains: batches as functions of the step, photographs with a known truth, arrays."""

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches
from jaxgan.data.source import from_arrays, items, of_two
from jaxgan.data.sources.embedded import recolor
from jaxgan.runtime.errors import UserError


def numbered(n, first=0, channels=1):
    """Images whose left pixel is their number, and whose right one is 255."""
    images = np.full((n, 2, 2, channels), 255, np.uint8)
    images[:, :, 0] = np.arange(first, first + n)[:, None, None]
    return from_arrays(images)


def numbers(images):
    """The numbers of images, mirrored or not."""
    return images[:, 0, :, 0].min(axis=1)


def test_an_epoch_visits_the_larger_domain_and_draws_the_other():
    source = of_two(numbered(12), numbered(5, 100))
    assert source.size == 12 and source.second.size == 5
    batches = Batches(source, batch=4, seed=3)
    epoch = [batches(t) for t in range(3)]
    assert sorted(np.concatenate([numbers(b["image"]) for b in epoch])) == list(range(12))
    others = np.concatenate([numbers(batches(t)["other"]) for t in range(60)])
    assert set(others) == set(range(100, 105))
    counts = np.bincount(others - 100)
    assert counts.min() > 25, "each is drawn about 48 times"


def test_the_smaller_domain_starts_over():
    batches = Batches(of_two(numbered(3), numbered(12, 100)), batch=12, seed=0)
    assert sorted(numbers(batches(0)["image"])) == [0] * 4 + [1] * 4 + [2] * 4


def test_aligned_images_stay_together():
    source = of_two(numbered(8), numbered(8, 100), aligned=True)
    batches = Batches(source, batch=4, seed=0, flip=True)
    for t in range(10):
        batch = batches(t)
        np.testing.assert_array_equal(numbers(batch["image"]) + 100, numbers(batch["other"]))
    with pytest.raises(UserError, match="8 images in A and 5 in B are no pairs"):
        of_two(numbered(8), numbered(5), aligned=True)


def test_batches_are_functions_of_seed_and_step_for_any_number_of_processes():
    source = of_two(numbered(12), numbered(7, 100, channels=3))
    whole = Batches(source, batch=6, seed=1, flip=True)
    again = Batches(source, batch=6, seed=1, flip=True)
    again(0)
    halves = [lambda n, p=p: np.arange(p, n, 2) for p in range(2)]
    shares = [Batches(source, batch=6, seed=1, flip=True, rows=rows) for rows in halves]
    for t in (0, 5, 100):
        batch = whole(t)
        for name in ("image", "other"):
            np.testing.assert_array_equal(batch[name], again(t)[name])
            for p, share in enumerate(shares):
                np.testing.assert_array_equal(batch[name][p::2], share(t)[name])
    assert (whole(0)["other"] != Batches(source, batch=6, seed=2, flip=True)(0)["other"]).any()
    assert whole.abstract(0) == {
        "image": ((6, 2, 2, 1), "uint8"),
        "other": ((6, 2, 2, 3), "uint8"),
    }


def test_each_image_is_mirrored_on_its_own():
    batches = Batches(of_two(numbered(40), numbered(40, 100)), batch=40, seed=0, flip=True)
    pairs = [(batches(t)["image"], batches(t)["other"]) for t in range(20)]
    a, b = (np.concatenate(each)[:, 0, 0, 0] == 255 for each in zip(*pairs, strict=True))
    assert abs(a.mean() - 0.5) < 0.08 and abs(b.mean() - 0.5) < 0.08
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.15


def test_the_photographs_truth_is_known_and_no_crop_is_in_both():
    source = load("photos_ab", res=16, crops=6, held=4)
    test = items(source.test, np.arange(4))
    np.testing.assert_array_equal(recolor(test["image"]), test["other"])
    rows = np.arange(6)
    a, b = source.gather(rows)["image"], source.second.gather(rows)["image"]
    assert all((recolor(x) != y).any() for x in a for y in b)
    assert all((x != y).any() for x in a for y in test["image"])
    assert source.describe().startswith("A: 6 images") and source.fingerprint
    with pytest.raises(UserError, match="held=0"):
        load("photos_ab", res=16, held=0)


def test_an_array_of_a_and_b(tmp_path):
    a, b = (np.random.default_rng(i).integers(0, 256, (3 + i, 8, 8, 3), np.uint8) for i in (0, 1))
    np.savez(tmp_path / "ab.npz", a=a, b=b)
    source = load(f"array:{tmp_path}/ab.npz")
    np.testing.assert_array_equal(source.gather(np.arange(3))["image"], a)
    np.testing.assert_array_equal(source.second.gather(np.arange(4))["image"], b)
    assert source.size == 4 and source.test is None
    assert load(f"array:{tmp_path}/ab.npz", res=4).second.shape == (4, 4, 3)
    np.savez(tmp_path / "empty.npz", a=a, b=b[:0])
    with pytest.raises(UserError, match=r"images in .*empty.npz"):
        load(f"array:{tmp_path}/empty.npz")


def test_an_array_keeps_tests_out_of_training(tmp_path):
    a, b = (np.random.default_rng(i).integers(0, 256, (3, 8, 8, 3), np.uint8) for i in (0, 1))
    path, name = tmp_path / "ab.npz", f"array:{tmp_path}/ab.npz"
    np.savez(path, a=a, b=b, test_a=b[:2], test_b=a[:1], extra=a)
    source = load(name)
    assert (source.size, source.sizes, source.test.sizes) == (3, (3, 3), (2, 1))
    assert "not read: extra" in source.describe()
    assert source.describe().endswith("; test: 2 of A and 1 of B")
    columns = items(source.test, np.arange(2))
    np.testing.assert_array_equal(columns["image"], b[:2])
    np.testing.assert_array_equal(columns["other"], a[[0, 0]])
    assert not source.aligned and load(name, res=4).test.shape == (4, 4, 3)
    with pytest.raises(UserError, match="aligned=True: 2 images in A and 1 in B are no pairs"):
        load(name, aligned=True)
    np.savez(path, a=a, b=b, test_b=a)
    with pytest.raises(UserError, match="has 'test_b' and no 'test_a'; add or remove one"):
        load(name)
    np.savez(path, a=a, b=b, test_a=a[..., :1], test_b=b)
    with pytest.raises(UserError, match=r"'test_a' of \(8, 8, 1\); set config.data.res"):
        load(name)
    np.savez(path, images=a)
    with pytest.raises(UserError, match="has no 'a' and 'b'; set aligned=False"):
        load(name, aligned=True)
