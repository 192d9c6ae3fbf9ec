"""TensorFlow Datasets on mock data, and messages where one cannot be prepared or read."""

import importlib.util

import numpy as np
import pytest
import tensorflow_datasets
from tensorflow_datasets.core.dataset_builder import DatasetBuilder

from jaxgan.data.sources.tfds import tfds
from jaxgan.runtime.errors import UserError


@pytest.fixture
def prepared(monkeypatch):
    """Any data set, as if it were on disk, with 5 random items."""
    with tensorflow_datasets.testing.mock_data(num_examples=5):
        monkeypatch.setattr(DatasetBuilder, "is_prepared", lambda _: True)
        yield


def test_labeled_images(prepared):
    source = tfds("cifar10", res=16)
    batch = source.gather(np.array([4, 0, 4]))
    assert (source.size, source.shape, len(source.classes)) == (5, (16, 16, 3), 10)
    assert (batch["image"].dtype, batch["image"].shape) == (np.uint8, (3, 16, 16, 3))
    assert batch["label"].dtype == np.int32
    for key in ("image", "label"):
        np.testing.assert_array_equal(batch[key][0], batch[key][2])
    assert (batch["image"][0] != batch["image"][1]).any()


def test_unlabeled_images_become_square(prepared):
    source = tfds("celeb_a", res=32, channels=1)
    batch = source.gather(np.array([0]))
    assert (source.shape, source.classes, set(batch)) == ((32, 32, 1), (), {"image"})
    assert source.found == "5 images, 178x218 RGB -> 32x32x1; crop drops 18% of the area"
    assert source.fingerprint == tfds("celeb_a", res=32, channels=1).fingerprint
    padded = tfds("celeb_a", res=32, channels=1, fit="pad")
    assert (padded.gather(np.array([0]))["image"][0, :, :3] == 0).all()
    assert source.fingerprint != padded.fingerprint


def test_gray_images_of_the_requested_size_are_unchanged(prepared):
    batch = tfds("mnist", res=28, channels=1).gather(np.arange(5))
    items = tensorflow_datasets.data_source("mnist", split="train")
    np.testing.assert_array_equal(batch["image"], np.stack([item["image"] for item in items]))
    assert batch["label"].tolist() == [int(item["label"]) for item in items]


def message(path: str, **options) -> str:
    with pytest.raises(UserError) as caught:
        tfds(path, **{"res": 8, **options})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_tensorflow_the_message_says_how_to_prepare(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(DatasetBuilder, "download_and_prepare", lambda *_, **__: 1 / 0)
    text = message("cifar10", data_dir=str(tmp_path))
    assert str(tmp_path) in text
    assert 'pip install -e ".[tfds]"' in text
    assert "mnist, digits, photos, folder: and array: need no network" in text


def test_a_failing_download_is_one_line(tmp_path, monkeypatch):
    def fail(_, file_format):
        raise ConnectionError(f"no route for {file_format}\nand pages more")

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(DatasetBuilder, "download_and_prepare", fail)
    text = message("cifar10", data_dir=str(tmp_path))
    assert "(ConnectionError: no route for array_record); check the network" in text


def test_unknown_names_splits_and_features_are_refused(prepared, monkeypatch):
    assert "Dataset nope not found; check the name 'nope'" in message("nope")
    assert "no 8-bit 'image'" in message("ag_news_subset")

    def wrong_split(*_):
        raise ValueError("Unknown split 'tran'.\nShould be one of ['train'].")

    monkeypatch.setattr(DatasetBuilder, "as_data_source", wrong_split)
    assert "Unknown split 'tran'; check split='tran'" in message("cifar10", split="tran")

    def no_random_access(*_):
        raise NotImplementedError

    monkeypatch.setattr(DatasetBuilder, "as_data_source", no_random_access)
    assert "prepared without random access" in message("cifar10")
