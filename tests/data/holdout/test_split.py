"""`config.data.holdout`: what is kept out of training, as a run and an evaluation see it."""

import dataclasses

import numpy as np
import pytest

from jaxgan.data.holdout.split import rows, split
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches
from jaxgan.data.source import from_arrays, items, of_two
from jaxgan.runtime.errors import UserError
from jaxgan.training.changes import between
from jaxgan.training.setup import described, open_source, spec_of
from jaxgan.training.workdir import Record


def numbered(n, labels=None, first=0):
    """Images whose pixels are their number."""
    images = np.arange(first, first + n, dtype=np.uint8).reshape(n, 1, 1, 1)
    return from_arrays(images.repeat(2, 1).repeat(2, 2), labels)


def numbers(source, of="image"):
    return items(source, np.arange(source.size))[of][:, 0, 0, 0]


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_share_of_each_class_is_held_out_and_the_rest_kept(share):
    labels = np.repeat([0, 1, 2, 4], [100, 40, 7, 1])
    kept, held = rows(labels, share, 3)
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(148))
    assert len(held) == round(share * 148) or share == 0.5, "but for the class of one image"
    for k, n in ((0, 100), (1, 40), (2, 7)):
        assert abs((labels[held] == k).sum() - share * n) <= 1
    assert 147 in kept, "a class is not held out whole"
    assert (np.diff(kept) > 0).all() and (np.diff(held) < 0).any()


def test_what_is_held_out_follows_from_the_seed_and_nothing_else():
    labels = np.zeros(200, int)
    first, again, other = (rows(labels, 0.2, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert len(np.setdiff1d(first, other)) > 10
    less = rows(labels, 0.1, 0)[1]
    assert set(less) < set(first), "a larger share holds out the same ones and more"


def test_training_never_sees_what_is_held_out_whatever_the_number_of_processes():
    source = split(numbered(50), 0.2, 0)
    assert source.size == 40 and source.test.size == 10 and not source.test.test
    held = set(numbers(source.test))
    whole = Batches(source, batch=8, seed=1)
    seen = [whole(t)["image"][:, 0, 0, 0] for t in range(15)]
    assert set(np.concatenate(seen)) == set(range(50)) - held
    halves = [lambda n, p=p: np.arange(p, n, 2) for p in range(2)]
    shares = [Batches(source, batch=8, seed=1, rows=rows) for rows in halves]
    for p, share in enumerate(shares):
        np.testing.assert_array_equal(share(14)["image"][:, 0, 0, 0], seen[14][p::2])


def test_labels_stay_with_their_images_whoever_knows_them():
    labels = np.arange(60) % 3
    known = split(numbered(60, labels), 0.2, 0)
    unknown = split(dataclasses.replace(numbered(60, labels), labels=None), 0.2, 0)
    for source in (known, unknown):
        for part in (source, source.test):
            columns = part.gather(np.arange(part.size))
            np.testing.assert_array_equal(columns["image"][:, 0, 0, 0] % 3, columns["label"])
            np.testing.assert_array_equal(part.labels(), columns["label"])
        assert np.bincount(source.test.labels()).tolist() == [4, 4, 4]
    assert known.fingerprint == unknown.fingerprint


def test_two_domains_are_divided_each():
    source = split(of_two(numbered(40), numbered(20, first=100)), 0.25, 0)
    assert source.sizes == (30, 15) and source.test.sizes == (10, 5)
    for name, every in (("image", range(40)), ("other", range(100, 120))):
        parts = [set(numbers(part, name)) for part in (source, source.test)]
        assert parts[0] | parts[1] == set(every) and not parts[0] & parts[1]
    assert source.found == ("A: 30 images, 10 held out, 2x2x1; B: 15 images, 5 held out, 2x2x1")
    pairs = split(of_two(numbered(40), numbered(40, first=100), aligned=True), 0.25, 0)
    for part in (pairs, pairs.test):
        assert part.aligned
        np.testing.assert_array_equal(numbers(part) + 100, numbers(part, "other"))


def test_pictures_of_pair_are_cropped_as_before(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("trainA", "trainB"):
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.fromarray(rng.integers(0, 256, (12, 14, 3), np.uint8)).save(
                tmp_path / name / f"{i}.png"
            )
    (tmp_path / "notes").mkdir()
    whole = load(f"pair:{tmp_path}", res=8)
    source = split(whole, 0.2, 0)
    assert source.sizes == (8, 8) and source.test.sizes == (2, 2)
    assert source.found.startswith("A: 8 images, 2 held out, 14x12 RGB -> 8x8x3; B: 8 images, 2 h")
    assert source.found.endswith("; not read: notes") and "no test" not in source.found
    batch = Batches(source, batch=4, seed=0)(0)
    assert batch["image"].shape == batch["other"].shape == (4, 8, 8, 3)
    center = np.full((1, 2), 0.5)
    for i in (0, 1):
        image = source.test.gather(np.array([i]))["image"]
        np.testing.assert_array_equal(source.test.crop(np.array([i]), center)["image"], image)
        assert any((whole.gather(np.array([j]))["image"] == image).all() for j in range(10))


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("mnist", {"holdout": 0.1}, "4500 images, 500 held out, of 10 classes (0 450, 1 450, "),
        ("photos", {"holdout": 0.1, "crops": 50}, "45 images, 5 held out, 64x64x3"),
        ("ring", {"holdout": 0.2, "size": 80}, "64 points, 16 held out, of 8 classes ((2, 0) 8"),
        ("moons", {"holdout": 0.2, "size": 80}, "64 points, 16 held out"),
    ],
)
def test_the_line_of_the_data_counts_both(name, options, line):
    source = open_source({"name": name, **options})
    assert source.describe().startswith(line)
    assert described(source)["size"] == source.size
    assert source.test.size == round(options["holdout"] * (source.size + source.test.size))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"name": "photos_ab", "res": 16}, "config.data.holdout=0.1: the data have test images of"),
        ({"name": "photos", "crops": 3}, "holdout=0.1: none of 3 items would be held out"),
        (
            {"name": "digits", "holdout": 1.0},
            "holdout=1.0: a finite number at least 0 and below 1",
        ),
        ({"name": "digits", "holdout": "some"}, "config.data.holdout='some'"),
        ({"name": "digits", "holdout": True}, "config.data.holdout=True"),
        ({"name": "digits", "holdout_seed": -1}, "config.data.holdout_seed=-1: at least 0"),
    ],
)
def test_what_cannot_be_divided_is_refused(data, text):
    with pytest.raises(UserError, match=text):
        open_source({"holdout": 0.1} | data)


def test_a_run_that_is_resumed_keeps_its_share():
    def record(**options):
        data = {"name": "digits", **options}
        source = open_source(data)
        return Record({"data": data}, spec_of(source), 1, None, described(source))

    whole, tenth, other, seed = (
        record(), record(holdout=0.1), record(holdout=0.2), record(holdout=0.1, holdout_seed=1)
    )  # fmt: skip
    assert not between(tenth, record(holdout=0.1))
    for old, new, text in (
        (whole, tenth, "the run was trained on 1797 images, the data now have 1617"),
        (tenth, other, "the run was trained on 1617 images, the data now have 1438"),
        (tenth, seed, "the images or labels are not those that the run was trained on"),
    ):
        found = between(old, new)
        assert [change.key for change in found][0] == "data" and found[0].text == text
