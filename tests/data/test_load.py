"""Sources opened by name, and messages for names, options and paths that do not fit."""

import subprocess
import sys

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.runtime.errors import UserError


def test_a_source_opens_by_name_with_or_without_its_file():
    assert load("digits", res=16).shape == (16, 16, 1)
    assert load("embedded.digits", res=16).shape == (16, 16, 1)


def test_the_path_is_all_after_the_first_colon(tmp_path):
    path = tmp_path / "a:b.npz"
    np.savez(path, images=np.zeros((2, 4, 4), np.uint8))
    assert load(f"array:{path}", channels=3).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "mnits",
            {},
            "config.data: no 'mnits' in jaxgan.data.sources; did you mean 'mnist'? known: array",
        ),
        ("mnist", {"rez": 3}, "config.data.rez: mnist has no such option; did you mean 'res'?"),
        (
            "folder:/x",
            {"path": "/y", "res": 8},
            "config.data.path: folder has no such option; known: bits, channels, fit, "
            "on_bad, range, res",
        ),
        ("folder:/x", {}, "config.data: folder needs 'res'; set config.data.res=…"),
        ("folder", {"res": 8}, "config.data.name=folder: folder takes a path; write folder:…"),
        ("mnist:/x", {}, "config.data.name=mnist:/x: mnist takes no path; write mnist"),
    ],
)
def test_messages_name_the_error_and_the_remedy(name, options, message):
    with pytest.raises(UserError) as caught:
        load(name, **options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["modes", "toy.modes", "from_arrays", "Source", "check_target"])
def test_helpers_are_not_sources(name):
    with pytest.raises(UserError) as caught:
        load(name)
    refused, _, known = str(caught.value).partition("known: ")
    leaf, home = name.rpartition(".")[2], "jaxgan.data.sources" + ".toy" * ("." in name)
    assert refused.startswith(f"config.data: no {leaf!r} in {home}")
    assert leaf not in known.split(", ")


def test_importing_the_package_imports_no_reader():
    code = (
        "import sys, jaxgan.data.load, jaxgan.data.pipeline, jaxgan.data.sources.folder, "
        "jaxgan.data.sources.embedded, jaxgan.data.sources.tfds, jaxgan.data.sources.array; "
        "print([m for m in ('PIL', 'sklearn', 'mlxtend', 'grain', 'tensorflow_datasets', 'jax') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
