"""FID's InceptionV3 against features that another implementation computed, and its resizer."""

from importlib import metadata
from pathlib import Path

import inception_rule
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.evaluation.features import extract, inception

FIXTURE = Path(__file__).parents[2] / "fixtures/inception_rule.npz"
# Where in china.jpg and flower.jpg the images of the fixture lie, by their side.
CROPS = {"small": (64, [(100, 200), (150, 300)]), "large": (299, [(60, 100), (60, 200)])}


def images(name: str) -> np.ndarray:
    """Two crops of scikit-learn's photographs, (2, H, H, 3) uint8."""
    side, corners = CROPS[name]
    folder = metadata.distribution("scikit-learn").locate_file("sklearn/datasets/images")
    photos = [np.asarray(Image.open(folder / f"{file}.jpg")) for file in ("china", "flower")]
    return np.stack(
        [x[i : i + side, j : j + side] for x, (i, j) in zip(photos, corners, strict=True)]
    )


def test_features_at_each_depth_and_logits():
    weights, expected = inception_rule.weights(), np.load(FIXTURE)
    inputs = [inception.prepare(jnp.asarray(images(name))) for name in CROPS]
    found = jax.jit(inception.apply)(inception.fold(weights), jnp.concatenate(inputs))
    assert {k: v.shape for k, v in found.items()} == {k: (4, k) for k in (64, 192, 768, 2048)}
    found = {str(depth): np.asarray(each) for depth, each in found.items()}
    found["logits_unbiased"] = found["2048"] @ weights["fc.weight"].T
    found["logits"] = found["logits_unbiased"] + weights["fc.bias"]
    for i, name in enumerate(CROPS):
        for key in ("192", "768", "2048", "logits_unbiased", "logits"):
            want = expected[f"{name}/{key}"]
            error = np.abs(found[key][2 * i : 2 * i + 2] - want).max() / np.abs(want).max()
            assert error < 1e-5, (name, key, error)


@pytest.mark.parametrize(("height", "width", "size"), [(5, 7, 9), (9, 4, 3), (6, 6, 6)])
def test_resizing_against_loops(height, width, size):
    x = np.random.default_rng(0).uniform(0, 255, (2, height, width, 3)).astype(np.float32)
    expected = np.zeros((2, size, size, 3))
    for i, j in np.ndindex(size, size):
        top, left = i * height // size, j * width // size
        t, s = i * height / size - top, j * width / size - left
        low, right = min(top + 1, height - 1), min(left + 1, width - 1)
        expected[:, i, j] = (1 - t) * ((1 - s) * x[:, top, left] + s * x[:, top, right]) + t * (
            (1 - s) * x[:, low, left] + s * x[:, low, right]
        )
    np.testing.assert_allclose(
        inception.resize(jnp.asarray(x), size), expected, rtol=1e-5, atol=1e-3
    )


def test_pixels_and_gray():
    x = np.full((1, 8, 8, 1), 160, np.uint8)
    found = inception.prepare(jnp.asarray(x))
    assert found.shape == (1, 299, 299, 3)
    np.testing.assert_allclose(found, 0.25, atol=1e-6)


def test_the_file_of_fid_becomes_features_and_their_classifier(tmp_path, monkeypatch):
    """Of a file that is declared the right one; nothing is computed with it."""
    weights = inception_rule.weights()
    np.savez(tmp_path / "x.npz", **weights)
    monkeypatch.setattr(inception, "SHA256", extract.network.digest(tmp_path / "x.npz"))
    net = extract.load(f"inception:{tmp_path}/x.npz")
    assert net.dims == 2048 and net.published == {"fd": "fid"}
    np.testing.assert_array_equal(net.classifier, weights["fc.weight"].T)
    assert net.protocol["resize"] == "FID's bilinear to 299, without antialiasing"
    out = jax.eval_shape(net.apply, net.params, jnp.zeros((2, 8, 8, 1), jnp.uint8))
    assert out.shape == (2, 2048) and out.dtype == jnp.float32
