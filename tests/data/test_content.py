"""Digests of files, remembered until the file's size or times change."""

import os
import time
from pathlib import Path

import pytest

from jaxgan.data import content


@pytest.fixture(autouse=True)
def index(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "index"


def test_what_was_hashed_is_remembered_until_its_stamp_changes(tmp_path, index):
    calls = []

    def compute(name: str) -> str:
        calls.append(name)
        if name == "bad":
            raise OSError(5, "Input/output error")
        return f"digest of {name}"

    old = time.time_ns() - 10**11
    stamps = {name: [3, 2 * old, old] for name in ("a", "b", "bad")}  # a time that was set
    first = content.marks(tmp_path, stamps, compute)
    assert list(first) == ["a", "b", "bad"]
    assert first["a"] == ("digest of a", "") and first["bad"] == ("", "Input/output error")
    assert sorted(calls) == ["a", "b", "bad"]
    calls.clear()
    assert content.marks(tmp_path, stamps, compute) == first
    assert calls == ["bad"], "an error of the system may pass"
    calls.clear()
    content.marks(tmp_path, stamps | {"b": [3, 2 * old, old + 1]}, compute)
    assert sorted(calls) == ["b", "bad"]
    calls.clear()
    content.marks(tmp_path / "other", stamps, compute)
    assert len(calls) == 3
    assert len(list(index.iterdir())) == 2


def test_a_file_that_may_still_be_written_is_not_remembered(tmp_path):
    calls = []
    path = tmp_path / "a"
    for text in ("one", "two"):  # faster than the clock of some file systems ticks
        path.write_text(text)
        stamps = {"a": content.stamp(os.stat(path))}
        content.marks(tmp_path, stamps, lambda _: calls.append(path.read_text()) or "digest")
    assert calls == ["one", "two"]


def test_a_broken_index_is_replaced_and_one_that_cannot_be_written_is_told(
    tmp_path, index, monkeypatch, capsys
):
    stamps = {"a": [1, 5, 5]}
    content.marks(tmp_path, stamps, lambda _: "d")
    (path,) = index.iterdir()
    whole = path.read_text()
    for broken in ("{", "[]", "null", '{"a": 5}', whole.replace("d", "e"), whole[:-9]):
        path.write_text(broken)
        assert content.marks(tmp_path, stamps, lambda _: "d")["a"].digest == "d"
        assert content.opened(path.read_text()) == {"a": [1, 5, 5, "d"]}
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert content.marks(tmp_path, stamps, lambda _: "d") == {"a": ("d", "")}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: config.data: cannot write") and "XDG_CACHE_HOME" in line
