"""The lock of a workdir: one holder, released however it ends, never inherited."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys

import pytest

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock

HOLDS = """
import os, pathlib, subprocess, sys, time
from jaxgan.runtime.lock import Lock
with Lock(pathlib.Path(sys.argv[1])):
    started = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
    ready, told = os.pipe()
    forked = os.fork()
    if forked == 0:
        os.write(told, b"!")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    print(started.pid, forked, flush=True)
    sys.stdin.read()
"""


def held(folder):
    try:
        with Lock(folder):
            return ""
    except UserError as error:
        return str(error)


def test_the_second_is_refused_and_told_who_is_first(tmp_path):
    folder = tmp_path / "new" / "run"
    with Lock(folder):
        text = held(folder)
        assert f"process {os.getpid()} on {socket.gethostname()} since 20" in text
        assert text.startswith(f"{folder} is in use") and "\n" not in text
    assert held(folder) == ""


def test_what_is_refused_leaves_no_folder_that_it_made(tmp_path):
    folder = tmp_path / "new" / "run"
    with pytest.raises(UserError), Lock(folder):
        raise UserError("refused")
    assert not (tmp_path / "new").exists()
    for made in (lambda: folder.mkdir(parents=True), lambda: (folder / "config.json").touch()):
        made()  # a folder that was there; one that has something
        with pytest.raises(UserError), Lock(folder):
            raise UserError("refused")
        assert (folder / ".lock").exists()


def test_a_kill_releases_it_though_children_of_the_holder_live(tmp_path):
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        children = [int(word) for word in holder.stdout.readline().split()]
        try:
            assert f"process {holder.pid} on" in held(tmp_path)
            holder.kill()
            holder.wait()
            for child in children:
                os.kill(child, 0)  # it lives
            assert held(tmp_path) == ""
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)


def test_a_file_system_without_locks_is_said_and_used(tmp_path, monkeypatch, capsys):
    def none(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with Lock(tmp_path):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no locks (No locks available)" in line and "one process only" in line


@pytest.mark.parametrize("content", ["", "process \x1b[31m\n", "\0" * 300])
def test_what_else_is_in_the_file_is_not_printed(tmp_path, content):
    (tmp_path / ".lock").write_text(content)
    file = os.open(tmp_path / ".lock", os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)
    assert f"{tmp_path} is in use: another process trains there" in held(tmp_path)
    os.close(file)
