"""Which files of a folder or a zip are images, and which are passed over; links; speed."""

import os
import time
import zipfile
from pathlib import Path

import pytest

from jaxgan.data.tree import is_hidden, tree
from jaxgan.runtime.errors import UserError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_hidden_files_and_helper_folders_are_passed_over_at_any_depth(tmp_path):
    touch(tmp_path / "cat" / "a.png", tmp_path / "__a.png", tmp_path / "cat" / "@b" / "c.PNG")
    for helper in (".ipynb_checkpoints", "__MACOSX", "cat/.thumbnails", "cat/@eaDir", "#recycle"):
        touch(tmp_path / helper / "sub" / "a.png")
    touch(tmp_path / "cat" / "._a.png", tmp_path / "cat" / ".DS_Store", tmp_path / "x.heic")
    touch(tmp_path / "LICENSE", tmp_path / "y.heic", tmp_path / "conditions.npy")
    (tmp_path / "owl" / "sub").mkdir(parents=True)
    found = tree(tmp_path)
    assert list(found.files) == ["__a.png", "cat/@b/c.PNG", "cat/a.png"]
    assert set(found.stamps) == set(found.files) and not found.bad
    assert list(found.passed) == [
        "#recycle",
        ".ipynb_checkpoints",
        "__MACOSX",
        "cat/._a.png",
        "cat/.thumbnails",
        "cat/@eaDir",
        "owl (no image)",
        "other files (2 .heic, 1 suffixless)",
    ]
    assert found.sidecars == ["conditions.npy"]


@pytest.mark.parametrize(
    ("name", "folder", "hidden"),
    [
        (".git", True, True),
        (".a.png", False, True),
        ("__pycache__", True, True),
        ("__a.png", False, False),
        ("System Volume Information", True, True),
        ("$RECYCLE.BIN", True, True),
        ("lost+found", True, True),
        ("_cat", True, False),
        ("@cat", True, False),
    ],
)
def test_names_of_hidden_files_and_helper_folders(name, folder, hidden):
    assert is_hidden(name, folder=folder) is hidden


def test_a_folder_is_visited_once_and_by_its_own_path_first(tmp_path):
    root, other = tmp_path / "root", tmp_path / "other"
    touch(*(root / "b" / f"{k}.png" for k in range(4)), other / "sub" / "x.png", other / "y.png")
    (root / "b" / "back").symlink_to("..")  # a cycle
    (root / "a").symlink_to("b")  # sorts before its target
    (root / "far").symlink_to(other)
    (root / "near").symlink_to(other / "sub")
    (other / "home").symlink_to(root)
    (root / "b" / "copy.png").symlink_to("0.png")  # a file may be there twice
    found = tree(root)
    assert list(found.files) == [
        *(f"b/{k}.png" for k in range(4)),
        "b/copy.png",
        "far/sub/x.png",
        "far/y.png",
    ]
    again = " (links to a folder that is read already)"
    assert list(found.passed) == [name + again for name in ("a", "b/back", "far/home", "near")]
    assert found.read("far/y.png") == b""


def test_many_loops_add_nothing(tmp_path):
    for k in range(10):
        touch(tmp_path / f"{k}" / "a.png")
        (tmp_path / f"{k}" / "back").symlink_to("..")
    assert len(tree(tmp_path).files) == 10


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="no /proc here")
def test_files_of_the_kernel_are_not_walked(tmp_path):
    """/proc/self/root is the root of all files, and some below it are made as they are read."""
    started = time.monotonic()
    with pytest.raises(UserError, match="no images below /proc/self.*the kernel's"):
        tree(Path("/proc/self"))
    touch(tmp_path / "a.png")
    (tmp_path / "link").symlink_to("/proc/self")
    found = tree(tmp_path)
    assert found.files == ["a.png"] and "link (the kernel's, not files)" in found.passed
    assert time.monotonic() - started < 10


def test_a_name_that_is_none_is_one_line():
    with pytest.raises(UserError, match="cannot be read .File name too long"):
        tree(Path("y" * 300))
    with pytest.raises(UserError, match="no folder"):
        tree(Path("a\0b"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_two_files_of_one_name_says_which_is_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, content in (("a.png", b"1"), ("./a.png", b"2"), ("b.png", b"3")):
            archive.writestr(name, content)
    found = tree(tmp_path / "x.zip")
    assert list(found.files) == ["a.png", "b.png"] and found.read("a.png") == b"2"
    assert list(found.passed) == ["a.png (all but the last of that name)"]


def test_a_zip_is_listed_as_a_folder_is(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat/", "owl/", "__MACOSX/", "emu/sub/"):
            archive.writestr(name, "")
        for name in ("./cat/a.png", "dog\\b.JPG", ".c.png", "__MACOSX/cat/._a.png", "list.csv"):
            archive.writestr(name, name)
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "a.png")
    found = tree(path)
    assert list(found.files) == ["cat/a.png", "cat/link.png", "dog/b.JPG"]
    assert found.bad == {"cat/link.png": "a link, not a file"}
    assert list(found.passed) == [
        ".c.png",
        "__MACOSX",
        "emu (no image)",
        "owl (no image)",
        "other files (1 .csv)",
    ]
    assert found.read("dog/b.JPG") == b"dog\\b.JPG"


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["d/cat/a.png", "d/dog/b.png"], ["cat/a.png", "dog/b.png"]),
        (["d/a.png", "d/dataset.json"], ["a.png"]),
        (["d/cat/a.png", "__MACOSX/d/._a.png"], ["cat/a.png"]),
        (["cat/a.png", "cat/b.png"], ["cat/a.png", "cat/b.png"]),  # a single class
        (["d/cat/a.png", "b.png"], ["b.png", "d/cat/a.png"]),
    ],
)
def test_the_folder_that_was_zipped_is_no_class(tmp_path, names, files):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "")
    assert list(tree(tmp_path / "x.zip").files) == files


def test_thousands_of_files_are_listed_in_seconds(tmp_path):
    for k in range(5000):
        os.close(os.open(tmp_path / f"{k}.png", os.O_CREAT | os.O_WRONLY))
    start = time.perf_counter()
    assert len(tree(tmp_path).files) == 5000
    assert time.perf_counter() - start < 1
