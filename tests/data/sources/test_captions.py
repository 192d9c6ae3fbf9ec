"""Colored digits: what is painted, and the vectors of their captions."""

import numpy as np

from jaxgan.data.load import load
from jaxgan.data.sources.captions import COLORS, embedding


def test_images_have_the_color_and_the_digit_of_their_class_and_vector():
    source, gray = load("digits_captioned", res=16), load("digits", res=16)
    assert source.size == 6 * 1797 and source.shape == (16, 16, 3) and source.condition_dim == 16
    assert source.classes[:2] == ("red 0", "red 1") and len(source.classes) == 60
    rows = np.array([0, 4000, 1797 * 6 - 1, 7])
    items, digits = source.gather(rows), gray.gather(rows % 1797)
    for i, label in enumerate(items["label"]):
        color, digit = source.classes[label].split()
        assert int(digit) == digits["label"][i]
        want = digits["image"][i].astype(float) * np.array(COLORS[color]) / 255
        np.testing.assert_allclose(items["image"][i], want, atol=0.51)
    np.testing.assert_array_equal(source.labels()[rows], items["label"])
    colors = items["label"] // 10
    np.testing.assert_array_equal(items["condition"], embedding(colors, digits["label"]))


def test_vectors_are_sums_of_words_and_the_same_everywhere():
    colors, digits = np.divmod(np.arange(60), 10)
    vectors = embedding(colors, digits)
    assert vectors.dtype == np.float32 and abs(vectors.std() - 1) < 0.15
    apart = np.abs(vectors[:, None] - vectors).sum(-1) + 1e9 * np.eye(60)
    assert apart.min() > 3, "no two captions are alike"
    np.testing.assert_allclose(
        vectors[0] - vectors[1], vectors[20] - vectors[21], atol=1e-6
    )  # "zero" less "one", whatever the color
    np.testing.assert_allclose(vectors[0, :3], [0.202947, 0.808041, -0.455219], atol=1e-6)
