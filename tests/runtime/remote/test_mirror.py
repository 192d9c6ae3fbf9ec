"""Workdirs in a store: what is sent in which order, who may train, what survives, what is said."""

import itertools
import json
import shutil
import sys
import time
from pathlib import Path

import pytest

from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies, lease, mirror, store, urls

URL = "gs://bucket/a/run"


def checkpoint(folder, step, content="w"):
    """Writes a checkpoint as Orbax does: beside its place, and then renamed."""
    part = folder / "checkpoints" / f"{step}.orbax-checkpoint-tmp"
    (part / "d").mkdir(parents=True)
    (part / "d" / "array").write_text(f"{content}{step}")
    (part / "meta").write_text("m")
    part.rename(folder / "checkpoints" / str(step))


def train(folder, steps):
    """Does what a run does to its workdir."""
    (folder / "config.json").write_text("{}")
    for step in steps:
        with (folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps({"step": step}) + "\n")
        checkpoint(folder, step)


def in_store(gs):
    place = gs.root / "bucket/a/run"
    return {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}


def elsewhere(monkeypatch, tmp_path, name):
    """Goes on as another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))


def test_which_paths_are_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert urls.of("gs://b/r/") == urls.of(Path("gs://b/r")) == "gs://b/r"
    assert urls.of(Path("s3://b")) == "s3://b" and urls.of(Path("hf://x/y/z")) == "hf://x/y/z"
    assert not any(map(urls.of, ("runs/x", "/a:/b", "x:y", "gs:", "C:/x", "dir/gs://b", "")))
    (tmp_path / "gs:").mkdir()
    assert not urls.of(Path("gs://b/r"))


def test_a_run_is_sent_and_another_machine_gets_what_it_needs(gs, tmp_path, monkeypatch):
    with mirror.mirrored(Path(URL), 2) as folder:
        train(folder, (1, 2, 3))
        (folder / ".lock").touch()
        (folder / "samples").mkdir()
        (folder / "samples" / "1.png").write_text("png")
    assert folder.name == "run" and urls.is_copy(folder)
    records = {"config.json", "metrics.jsonl", "samples/1.png"}
    arrays = {f"checkpoints/{s}/{n}" for s in (1, 2, 3) for n in ("d/array", "meta")}
    markers = {f".jaxgan/checkpoints/{s}" for s in (1, 2, 3)}
    assert in_store(gs) == records | arrays | markers | {".jaxgan/lease.json"}
    elsewhere(monkeypatch, tmp_path, "other")
    with mirror.mirrored(Path(URL), 2) as there:
        assert there != folder
        kept = [path.name for path in sorted((there / "checkpoints").iterdir())]
        assert kept == ["2", "3"] and (there / "samples/1.png").read_text() == "png"
        train(there, (4,))
        shutil.rmtree(there / "checkpoints" / "2")
    assert {n for n in in_store(gs) if "2" in n} == set()
    assert ".jaxgan/checkpoints/1" in in_store(gs)  # that was not fetched, and is kept
    elsewhere(monkeypatch, tmp_path, "caches")  # the first one again, which is behind
    with mirror.mirrored(Path(URL), 2) as folder:
        assert copies.steps(folder) == [3, 4]
        assert (folder / "metrics.jsonl").read_text().count("\n") == 4


def test_a_loss_between_any_two_requests_leaves_what_can_be_resumed(gs, tmp_path, monkeypatch):
    """The store refuses everything from its n-th change on, for each n."""
    for n in itertools.count():
        url, left = f"gs://bucket/{n}/run", iter(range(n))

        def trouble(operation, path, left=left):
            if operation in ("put", "remove") and next(left, None) is None:
                raise ConnectionError("lost")

        elsewhere(monkeypatch, tmp_path, f"first{n}")
        gs.trouble = staticmethod(trouble)
        try:
            with mirror.mirrored(Path(url), 2) as folder:
                train(folder, (1, 2))
                until_sent(url, 2)
                train(folder, (3,))
                shutil.rmtree(folder / "checkpoints" / "1")
            whole = True
        except UserError as error:
            assert "lost, 5 times" in str(error)
            whole = False
        gs.trouble = staticmethod(lambda *_: None)
        elsewhere(monkeypatch, tmp_path, f"second{n}")
        with mirror.mirrored(Path(url), 2) as there:
            rows = [json.loads(r)["step"] for r in lines(there / "metrics.jsonl")]
            for step in copies.steps(there):
                assert (there / "config.json").exists()
                assert rows[:step] == list(range(1, step + 1))
                assert (there / f"checkpoints/{step}/d/array").read_text() == f"w{step}"
                assert (there / f"checkpoints/{step}/meta").read_text() == "m"
            assert copies.steps(Path(url))[-2:] == copies.steps(there)
        if whole:
            break
    assert n > 10 and copies.steps(there) == [2, 3]


def until_sent(url, step):
    """Waits until the thread has sent a checkpoint; not where the store is out of reach."""
    until = time.monotonic() + 0.1
    while time.monotonic() < until and step not in copies.steps(Path(url)):
        time.sleep(0.01)


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_what_cannot_be_sent_is_kept_and_sent_later(gs, capfd, tmp_path, monkeypatch):
    calls = []

    def trouble(operation, path):
        if operation == "put" and "lease" not in path:
            calls.append(path)
            raise ConnectionError("no route")

    refused = pytest.raises(UserError, match=r"gs://bucket/a/run/config.json cannot be written")
    with refused as told, mirror.mirrored(Path(URL), 2) as folder:
        gs.trouble = staticmethod(trouble)
        train(folder, (1,))
    text = str(told.value)
    assert "no route, 5 times" in text and str(folder) in text and "same command" in text
    assert "\n" not in text and len(calls) % store.TRIES == 0
    assert "it is tried again, 5 times in all" in capfd.readouterr().err
    gs.trouble = staticmethod(lambda *_: None)
    with mirror.mirrored(Path(URL), 2) as again:
        assert again == folder and copies.steps(folder) == [1]
    assert copies.steps(Path(URL)) == [1]
    # What was not sent when another machine went on is not mixed with what that did.
    with pytest.raises(ZeroDivisionError), mirror.mirrored(Path(URL), 2) as folder:
        gs.trouble = staticmethod(trouble)
        train(folder, (2,))
        raise ZeroDivisionError  # and that stays the error
    assert f"warning: {URL}" in capfd.readouterr().err
    gs.trouble = staticmethod(lambda *_: None)
    elsewhere(monkeypatch, tmp_path, "other")
    with mirror.mirrored(Path(URL), 2) as there:
        train(there, (5,))
    elsewhere(monkeypatch, tmp_path, "caches")
    capfd.readouterr()
    with mirror.mirrored(Path(URL), 2) as folder:
        assert copies.steps(folder) == [1, 5]
    assert "they are in" in capfd.readouterr().err
    (aside,) = (path for path in folder.parent.iterdir() if path.name.startswith("run."))
    assert copies.steps(aside) == [1, 2]


def test_a_flaky_network_is_no_error(gs):
    seen = set()

    def trouble(operation, path):
        if (operation, path) not in seen:
            seen.add((operation, path))
            raise TimeoutError("slow")

    gs.trouble = staticmethod(trouble)
    with mirror.mirrored(Path(URL), 2) as folder:
        train(folder, (1, 2))
    assert copies.steps(Path(URL)) == [1, 2]


def test_a_copy_that_was_removed_removes_nothing_in_the_store(gs):
    with mirror.mirrored(Path(URL), 2) as folder:
        train(folder, (1,))
    before = in_store(gs)
    shutil.rmtree(folder)
    with mirror.mirrored(Path(URL), 2) as folder:
        assert copies.steps(folder) == [1]
    assert in_store(gs) == before
    with (
        pytest.raises(UserError, match="has lost its config.json"),
        mirror.mirrored(Path(URL), 2) as folder,
    ):
        shutil.rmtree(folder)
    assert in_store(gs) == before
    # nor one whose fetch was interrupted
    (folder.parent / "sent.json").unlink()
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("cut")
    with mirror.mirrored(Path(URL), 2) as folder:
        assert copies.steps(folder) == [1] and (folder / "config.json").read_text() == "{}"


def test_one_run_at_a_time(gs, capfd, tmp_path, monkeypatch):
    first = lease.Lease(URL, tmp_path / "first")
    with first:
        with pytest.raises(UserError, match=r"is in use: process \d+ on .* trains there"):
            lease.Lease(URL, tmp_path / "second").__enter__()
        assert not first.lost
    with lease.Lease(URL, tmp_path / "second"):  # at once, since the first said that it is free
        assert "waiting" in capfd.readouterr().err
    assert "waiting" not in capfd.readouterr().err
    # A holder that died: nothing is written anew.
    path = gs.root / "bucket/a/run" / lease.NAME
    path.write_text(json.dumps({"token": "dead", "holder": "process 1 on x", "beat": 3}))
    with lease.Lease(URL, tmp_path / "third") as third:
        assert "process 1 on x trained there; waiting" in capfd.readouterr().err
        path.write_text(json.dumps({"token": "other", "holder": "process 2 on y", "beat": 1}))
        third._thread.join(20)
        assert third.lost
    assert json.loads(path.read_text())["token"] == "other"  # and is left to it
    with lease.Lease(URL, tmp_path / "first") as first:
        assert not first.last
    with lease.Lease(URL, tmp_path / "first") as first:
        assert first.last  # at once, though it might have died


def test_a_run_that_was_copied_there_is_adopted(gs):
    place = gs.root / "bucket/a/run"
    place.mkdir(parents=True)
    train(place, (1, 2))
    assert copies.steps(Path(URL)) == [1, 2]
    with mirror.mirrored(Path(URL), 2) as folder:
        assert copies.steps(folder) == [1, 2]
        train(folder, (3,))
    assert copies.steps(Path(URL)) == [1, 2, 3]


def test_a_fault_of_the_program_stays_one_and_stops_the_run(gs, monkeypatch):
    stopped = []
    monkeypatch.setattr(mirror, "stop_run", lambda: stopped.append(1))

    def trouble(operation, path):
        if operation == "put" and "config" in path:
            raise AttributeError("a bug")

    gs.trouble = staticmethod(trouble)
    with pytest.raises(AttributeError, match="a bug"), mirror.mirrored(Path(URL), 2) as folder:
        train(folder, (1,))
        for _ in range(500):
            if stopped:
                break
            time.sleep(0.02)
    assert stopped


@pytest.mark.parametrize(
    ("error", "url", "text"),
    [
        (
            None,
            "gs://absent/run",
            r"gs://absent/run/\S+ cannot be written .*make the bucket absent",
        ),
        (PermissionError("x"), URL, "log in .gcloud auth application-default login."),
        (OSError("Forbidden: bucket/a\nAnonymous caller"), URL, "log in .gcloud"),
        (RuntimeError("Could not load credentials"), URL, "log in .gcloud"),
        (ConnectionError("no network"), URL, "no network, 5 times.; see that the network"),
    ],
)
def test_what_the_store_refuses_is_one_line_with_a_remedy(gs, error, url, text):
    def trouble(operation, path):
        if error:
            raise error

    gs.trouble = staticmethod(trouble)
    with pytest.raises(UserError, match=text) as told, mirror.mirrored(Path(url), 2):
        pass
    assert "\n" not in str(told.value) and len(str(told.value)) < 500


def test_stores_that_are_unknown_or_lack_a_package(monkeypatch):
    with pytest.raises(UserError, match="--workdir=qs://b/r: qs:// is no store; take gs://"):
        store.check("qs://b/r", "--workdir")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UserError, match="--workdir=s3://b/r: the package s3fs is missing .*pip in"):
        store.check("s3://b/r", "--workdir")


def test_data_are_fetched_once_for_each_content(gs):
    place = gs.root / "bucket" / "data"
    place.mkdir()
    (place / "x.npz").write_text("one")
    assert copies.data("gs://bucket/data/x.npz").read_text() == "one"
    gets = []
    gs.trouble = staticmethod(lambda op, path: gets.append(path) if op == "get" else None)
    assert copies.data("gs://bucket/data/x.npz").read_text() == "one" and not gets
    (place / "x.npz").write_text("two!")
    assert copies.data("gs://bucket/data/x.npz").read_text() == "two!" and len(gets) == 1
    (place / "cats").mkdir()
    (place / "cats" / "1.png").write_text("cat")
    folder = copies.data("gs://bucket/data/cats")
    assert [path.name for path in folder.iterdir()] == ["1.png"]
    (place / "cats" / "1.png").rename(place / "cats" / "2.png")
    assert [path.name for path in copies.data("gs://bucket/data/cats").iterdir()] == ["2.png"]
    with pytest.raises(UserError, match="gs://bucket/data/dogs: there is nothing of that name"):
        copies.data("gs://bucket/data/dogs")


def test_a_run_is_read_by_the_checkpoint_that_is_asked_for(gs):
    with mirror.mirrored(Path(URL), 2) as folder:
        train(folder, (1, 2, 3))
        (folder / "samples").mkdir()
        (folder / "samples" / "1.png").write_text("png")
    copy = copies.run(Path(URL), 2)
    assert copies.steps(copy) == [2] and (copy / "config.json").exists()
    assert not (copy / "samples").exists()
    assert copies.steps(copies.run(Path(URL))) == [2, 3]
    assert (copies.run(Path(URL), pictures=True) / "samples" / "1.png").exists()
    with pytest.raises(UserError, match="--step=7: gs://bucket/a/run keeps 1, 2, 3"):
        copies.run(Path(URL), 7)
    with pytest.raises(UserError, match="gs://bucket/none holds no run"):
        copies.run(Path("gs://bucket/none"))
    with mirror.mirrored(Path(URL), 2) as folder:  # another checkpoint of the same step
        (folder / "checkpoints/3/d/array").write_text("new3")
    copy = copies.run(Path(URL), 3)
    assert (copy / "checkpoints/3/d/array").read_text() == "new3"
    (copies.here(Path(URL)) / "evaluations.jsonl").write_text("row\n")
    copies.send(Path(URL), ("evaluations.jsonl", "evaluations"))
    assert (gs.root / "bucket/a/run/evaluations.jsonl").read_text() == "row\n"
