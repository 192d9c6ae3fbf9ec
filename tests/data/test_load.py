import subprocess
import sys

import numpy as np
import pytest

from jaxgan.data.load import load
from jaxgan.runtime.errors import UserError


def test_opens_a_source_by_name():
    assert load("digits", res=16).shape == (16, 16, 1)


def test_the_path_is_all_after_the_first_colon(tmp_path):
    path = tmp_path / "a:b.npz"
    np.savez(path, images=np.zeros((2, 4, 4), np.uint8))
    assert load(f"array:{path}", channels=3).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("mnits", {}, "config.data.name: no source 'mnits'; did you mean 'mnist'? known: array"),
        ("mnist", {"rez": 3}, "config.data.rez: mnist has no such option; did you mean 'res'?"),
        (
            "folder:/x",
            {"path": "/y", "res": 8},
            "config.data.path: folder has no such option; known: channels, on_bad, res",
        ),
        ("folder:/x", {}, "config.data: folder needs 'res'; set config.data.res=…"),
        ("folder", {"res": 8}, "config.data.name=folder: folder takes a path; write folder:…"),
        ("mnist:/x", {}, "config.data.name=mnist:/x: mnist takes no path; write mnist"),
    ],
)
def test_says_what_is_wrong_and_what_is_right(name, options, message):
    with pytest.raises(UserError) as caught:
        load(name, **options)
    assert str(caught.value).startswith(message)


def test_importing_the_room_imports_no_reader():
    code = (
        "import sys, jaxgan.data.load, jaxgan.data.pipeline, jaxgan.data.sources.folder, "
        "jaxgan.data.sources.embedded, jaxgan.data.sources.tfds, jaxgan.data.sources.array; "
        "print([m for m in ('PIL', 'sklearn', 'mlxtend', 'grain', 'tensorflow_datasets', 'jax') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
