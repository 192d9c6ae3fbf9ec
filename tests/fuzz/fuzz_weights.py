"""Fuzzes the readers of strangers' files, guided by coverage; atheris is libFuzzer for Python.

  pip install -e '.[test,fuzz]'
  PYTHONPATH=tests/weights:tests/fuzz python tests/fuzz/fuzz_weights.py pickle -max_total_time=600

Targets: pickle, zip, npz (files of weights), dataset (dataset.json and conditions.npy of data).
What a reader does not refuse by its own errors is a finding, and so is a crash, an input that takes
ten seconds, or 600 MB. Write a finding into tests/weights/test_hostile.py before it is mended.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import assemble
import numpy as np


def weights(data: bytes) -> int:
    """Reads a file of weights; returns the number of arrays, 0 of one that is refused."""
    from jaxgan.runtime.errors import UserError
    from jaxgan.weights import bounds, contents

    try:
        found = contents.parse(data)
    except (UserError, bounds.Damaged, bounds.Excess) as error:
        assert str(error).isprintable(), repr(error)
        return 0
    for array in found.arrays.values():
        assert not array.flags.writeable and array.dtype.kind in "biufcV", array.dtype
        array.tobytes()
    return len(found.arrays)


def members(data: bytes) -> int:
    """Reads a zip of weights of which no checksum is looked at, or none would get past it."""
    from jaxgan.weights import archive

    class Unchecked:
        def __getattr__(self, name: str) -> object:
            return getattr(zlib, name)

        def crc32(self, data: object) -> object:
            return type("Any", (), {"__ne__": lambda *_: False})()

    zlib = archive.zlib
    with mock.patch.object(archive, "zlib", Unchecked()):
        return weights(data)


def dataset(data: bytes) -> int:
    """Reads a dataset.json of two images, or a conditions.npy; returns whether it is taken."""
    from jaxgan.data import columns, labels, source
    from jaxgan.data.tree import Tree
    from jaxgan.runtime.errors import UserError

    files = ["cat/a.png", "dog/b.png"]
    sidecar = "conditions.npy" if data[:1] == b"\x93" else "dataset.json"
    tree = Tree(Path("root"), files, dict.fromkeys(files, []), {}, [], [sidecar], lambda _: data)
    images = np.zeros((2, 1, 1, 1), np.uint8)
    try:
        found = labels.read(tree)
        # a million names take a second, and much longer under atheris
        with mock.patch.object(columns, "_MOST_CLASSES", 1000):
            source.from_arrays(images, found.labels, found.classes, found.conditions)
    except UserError as error:
        assert str(error).isprintable(), repr(error)
        return 0
    return 1


_PICKLES = ("pickle", "network", "numpy", "stream")
_NAMES = ("cat/a.png", "dog/b.png")
_LABELS = ([0, 1], ["cat", "dog"], [[0, 1.5], [1, 0]], None, [0, 10**400], [1e999, True])
TARGETS: dict[str, Callable[[bytes], int]] = {
    "pickle": weights, "zip": members, "npz": members, "dataset": dataset,
}  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """Returns inputs that the target takes, to begin with."""
    if target == "dataset":
        tables = [dict(zip(_NAMES, each or [], strict=False)) for each in _LABELS]
        pairs = [{"labels": list(table.items()) or None} for table in tables]
        rows = assemble.npy(assemble.header("'<f4'", "(2, 12)"), assemble.A.tobytes())
        return [*(json.dumps(each).encode() for each in (*pairs, {"labels": tables[0]})), rows]
    kinds = {"pickle": _PICKLES, "zip": ("torch", "npz"), "npz": ("npz", "npz_deflated")}
    return [assemble.WHOLE[kind] for kind in kinds[target]]


def main() -> None:
    """Fuzzes the target that the first argument names; the others are libFuzzer's."""
    import atheris

    target, *options = sys.argv[1:] or ["none"]
    if target not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    with atheris.instrument_imports(include=["jaxgan", "json", "zipfile"]):
        from jaxgan.data import labels, source  # noqa: F401
        from jaxgan.weights import contents  # noqa: F401
    with tempfile.TemporaryDirectory() as corpus:
        for i, seed in enumerate(seeds(target)):
            Path(corpus, str(i)).write_bytes(seed)
        limits = ["-timeout=10", "-rss_limit_mb=600", "-max_len=8192"]
        atheris.Setup([sys.argv[0], corpus, *limits, *options], lambda data: TARGETS[target](data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
