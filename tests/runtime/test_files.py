"""Files that are written whole or not at all, and the line of what cannot be written."""

import errno
import os

import pytest

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    (tmp_path / "a.txt.part").write_text("left over by a kill, and longer than the new content")
    files.write(path, "first")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"] and path.read_text() == "first"
    with pytest.raises(ZeroDivisionError), files.replacing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert path.read_text() == "first"

    order = []
    monkeypatch.setattr(os, "fsync", lambda file: order.append("fsync"))
    monkeypatch.setattr(
        type(path), "replace", lambda part, whole: order.append(part.read_bytes()), raising=True
    )
    files.write(path, "second")
    assert order == ["fsync", b"second"], "on the disk before it takes the name"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EIO, errno.ENAMETOOLONG])
def test_what_cannot_be_written_is_one_line(tmp_path, monkeypatch, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(type(tmp_path), "open", refuse)
    with pytest.raises(UserError, match=f"a.png cannot be written .{os.strerror(number)}.; make"):
        files.write(tmp_path / "a.png", "")
    with pytest.raises(UserError, match="a.png cannot be read"), files.reading(tmp_path / "a.png"):
        refuse()


def test_a_full_disk_is_left_to_the_command(tmp_path):
    with pytest.raises(OSError, match="No space left"), files.writing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "samples").write_text("")
    for path in (tmp_path / "samples", tmp_path / "samples" / "below"):
        with pytest.raises(UserError, match=f"{path} cannot be written .(File exists|Not a dir)"):
            files.folder(path)
    with pytest.raises(UserError, match="gone/a cannot be written .No such file"):
        files.write(tmp_path / "gone" / "a", "")
