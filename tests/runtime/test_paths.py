"""Paths of flags: what cannot be written or read is refused first, and nothing is left."""

import os
import stat
from pathlib import Path

import pytest

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import check_file, check_folder, check_input


@pytest.fixture
def taken(tmp_path):
    """Paths of a kind each, below a folder of their own."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


LONG = "y" * 300


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("file", "is a file, and a folder is needed"),
        ("file/below", "(is a file|Not a directory)"),
        (LONG, "File name too long"),
        (f"new/{LONG}", "File name too long"),
        ("a/" * 3000, "File name too long"),
        ("nul\0", "null"),
        ("/dev/null", "is a file"),
        ("/proc/x", "No such file"),
        ("/proc/x/y", "No such file"),
    ],
)
def test_a_folder_that_cannot_be_is_refused_and_nothing_is_left(taken, name, text):
    before = sorted(taken.iterdir())
    with pytest.raises(UserError, match=f"^--workdir=.*cannot be written: .*{text}") as told:
        check_folder(taken / name, "--workdir")
    assert len(str(told.value)) < 600
    assert sorted(taken.iterdir()) == before


@pytest.mark.parametrize("name", ["folder", "new", "new/deep/er", "né ü"])
def test_a_folder_that_can_be_is_not_made(taken, name):
    before = sorted(taken.iterdir())
    check_folder(taken / name, "--workdir")
    assert sorted(taken.iterdir()) == before and not list((taken / "folder").iterdir())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("folder", "it is a folder, and a file is needed"),
        ("fifo", "it is no regular file"),
        ("file/x.npz", "(is a file|Not a directory)"),
        (f"{LONG}.npz", "File name too long"),
        ("/dev/full", "it is no regular file"),
        ("/proc/x.md", "No such file"),
        ("nul\0", "null"),
    ],
)
def test_a_file_that_cannot_be_is_refused(taken, name, text):
    before = sorted(taken.iterdir())
    with pytest.raises(UserError, match=f"^--out=.*cannot be written: .*{text}"):
        check_file(taken / name, "--out")
    assert sorted(taken.iterdir()) == before


def test_a_file_that_can_be_is_not_made_and_one_that_is_there_is_kept(taken):
    before = sorted(taken.iterdir())
    for name in ("file", "new.npz", "new/deep.npz"):
        check_file(taken / name, "--out")
    assert sorted(taken.iterdir()) == before and (taken / "file").read_text() == "kept"
    with pytest.raises(UserError, match=r"^--out=x.jpg: write a .png or .npz"):
        check_file(Path("x.jpg"), "--out", (".png", ".npz"))


@pytest.mark.parametrize(
    ("name", "folder", "text"),
    [
        ("file", True, "needs a folder"),
        ("folder", False, "needs a file"),
        ("fifo", False, "needs a file"),
        ("none", True, "cannot be read: No such file"),
        ("none", False, "cannot be read: No such file"),
        (LONG, True, "cannot be read: File name too long"),
        ("nul\0", False, "cannot be read: .*null"),
    ],
)
def test_inputs_of_another_kind_are_refused_and_none_blocks(taken, name, folder, text):
    with pytest.raises(UserError, match=f"^--x=.*{text}"):
        check_input(taken / name, "--x", folder=folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_permissions_are_said(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(UserError, match="cannot be written: Permission denied"):
        check_folder(tmp_path / "new", "--workdir")
    tmp_path.chmod(stat.S_IRWXU)


def test_a_bucket_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for check in (check_folder, check_file, check_input):
        with pytest.raises(UserError, match="^--x=gs:/bucket/run: gs:// is no disk; mount it"):
            check(Path("gs://bucket/run"), "--x")
    assert not list(tmp_path.iterdir())
    (tmp_path / "gs:").mkdir()
    check_folder(Path("gs:/run"), "--x")  # somebody's own
