"""Names of networks as programs nest them, and what files hold in place of weights."""

import argparse
import collections
import datetime
import gzip
import io
import pathlib
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from jaxgan.runtime.errors import UserError
from jaxgan.weights import contents, kinds, state_dict
from jaxgan.weights.published import stylegan2_ada

G = {"synthesis.b4.const": np.ones((2, 4, 4)), "mapping.fc0.weight": np.ones((2, 2))}
D = {"b4.conv.weight": np.ones((2, 2, 3, 3))}


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.module.", "model.generator.", "netG.", "G.", "g_ema.", "G_ema/",
     "state_dict/", "ema/", "generator/state_dict/module.", "G/model."],
)  # fmt: skip
def test_prefixes_of_a_network_are_stripped(prefix):
    found = state_dict.split({prefix + name: value for name, value in G.items()})
    assert set(found) == {"G", "G_ema"}
    assert found["G"] == found["G_ema"] == G


def test_networks_of_a_training_checkpoint_are_told_apart():
    ema = {name: value * 2 for name, value in G.items()}
    arrays = {f"G/module.{k}": v for k, v in G.items()} | {f"g_ema/{k}": v for k, v in ema.items()}
    arrays |= {f"discriminator.{k}": v for k, v in D.items()}
    arrays |= {"optimizer/state/0/exp_avg": np.ones(3)}
    assert state_dict.split(arrays) == {"G": G, "G_ema": ema, "D": D}
    with pytest.raises(UserError, match="two arrays are synthesis.b4.const of G"):
        state_dict.split({"G/synthesis.b4.const": G, "netG/synthesis.b4.const": G})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["G_ema/synthesis.L0_36_512.weight"], "a StyleGAN3 or StyleGAN-XL"),
        (["g_ema/style.1.weight", "g_ema/convs.0.conv.weight"], "rosinality"),
        (["module.g_mapping.dense0.weight"], "a StyleGAN1"),
        (["Model.MainLayers.0.weight"], "an R3GAN"),
        (["model.10.conv_block.1.weight", "model.1.weight"], "a CycleGAN or pix2pix"),
        (["blocks.0.0.conv1.weight", "shared.weight"], "a BigGAN"),
        (["Mixed_5b.branch1x1.conv.weight"], "Inception weights"),
        (["D/b4.conv.weight"], "a StyleGAN2 discriminator alone"),
        (["main.0.weight"], "a DCGAN"),
        (["state/0/exp_avg", "state/0/step"], "an optimizer only"),
        (["foo.weight"], "no generator of StyleGAN2 among its arrays .foo.weight"),
    ],
)
def test_other_networks_are_named(names, said):
    with pytest.raises(UserError, match=said):
        state_dict.split({name: np.ones(2) for name in names})


def archive(kind):
    file = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=file, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("a"))
    else:
        with zipfile.ZipFile(file, "w") as zipped:
            zipped.writestr("net/data.pkl", pickle.dumps({}))
            zipped.writestr("net/code/__torch__.py", "")
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.ones(2))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git-lfs pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (gzip.compress(b"a", mtime=0), "a gzip"),
        (archive("tar"), "a tar"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z"),
        (b"Rar!\x1a\7\0", "a rar"),
        (b"\x89PNG\r\n\x1a\n", "a PNG"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (npy(), "a single NumPy array"),
        ((2).to_bytes(8, "little") + b'{"a":1}' + bytes(9), "safetensors"),
        (b"\x08\x08\x12\x07pytorch\x1a", "an ONNX"),
        (bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb", "index of a TensorFlow"),
        (b"\x08\x01\x12\x80\x01\n\x05serve", "SavedModel"),
        (b"\x82\xa6params\x81", "msgpack"),
        (b'{"a": 1}', "JSON"),
        (b"a: 1\n", "text, not weights"),
        (pickle.dumps({"a": 1.5}, 0), "protocol 0 or 1"),
        (archive("zip"), "TorchScript"),
        (archive("zip")[:-30], "a zip without its end"),
        (b"\x80\x02cdnnlib.tflib.network\nNetwork\n.", "legacy.py"),
        (b"\x80\x02csklearn.svm\nSVC\n.", "scikit-learn"),
    ],
)
def test_files_of_other_kinds_are_named_whatever_their_suffix(tmp_path, data, said):
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    with pytest.raises(UserError, match=said) as told:
        contents.read(path)
    assert "\n" not in str(told.value)


def test_folders_are_named(tmp_path):
    assert kinds.of_folder(tmp_path).startswith("a folder")
    (tmp_path / "_CHECKPOINT_METADATA").touch()
    assert "an orbax checkpoint" in kinds.of_folder(tmp_path)
    (tmp_path / "config.json").touch()
    (tmp_path / "checkpoints").mkdir()
    assert "a jaxgan run" in kinds.of_folder(tmp_path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_is_no_array_is_passed_over(tmp_path, protocol):
    order = np.asfortranarray(np.arange(6.0, dtype=np.float32).reshape(2, 3))
    held = {
        "G": {"w": order, "big": np.arange(2, dtype=">i4"), "names": np.array(["a", None], object)},
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("x")),
        "when": datetime.datetime(2020, 1, 1),
        "seen": {1, 2},
        "frozen": frozenset([1]),
        "counts": collections.Counter("aab"),
        "recent": collections.deque([1.0], maxlen=2),
        "table": collections.defaultdict(list, a=[1]),
        "step": np.float64(3),
        "dtype": np.dtype("f4"),
    }
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(held, protocol))
    arrays = contents.read(path).arrays
    assert set(arrays) == {"G/w", "G/big"}
    np.testing.assert_array_equal(arrays["G/w"], order)
    np.testing.assert_array_equal(arrays["G/big"], [0, 1])


@pytest.mark.parametrize("shape", [(), (2,), (2, 2)])
def test_misshapen_states_are_refused_without_an_error_of_python(shape):
    state = {"synthesis.b4.const": np.ones(shape)}
    with pytest.raises(UserError, match="not a StyleGAN2 generator: it has no synthesis"):
        stylegan2_ada.generator_options(state)
    with pytest.raises(UserError, match="it has no synthesis.b4.const; only"):
        stylegan2_ada.generator_options({})
    with pytest.raises(UserError, match="it has no b4.conv.weight"):
        stylegan2_ada.discriminator_options({})
