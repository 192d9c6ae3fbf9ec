"""`python -m jaxgan.prepare` and `records:`: the same batches, whatever interrupts the writing."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan import prepare
from jaxgan.data.holdout.split import split
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches
from jaxgan.data.shards import inputs, layout, plan, reader, writer
from jaxgan.evaluation import named_data
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock

ROOT = Path(__file__).parents[3]
FLAGS = ["--res=8", "--shard-size=7"]


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def paint(root: Path, n: int = 40) -> Path:
    """Pictures of several sizes in three classes, one of them broken, with conditions."""
    rng = np.random.default_rng(0)
    for i in range(n):
        path = root / ("cat", "dog", "emu")[i % 3] / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (10 + i % 4, 12, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    (root / "dog" / "001.png").write_bytes(b"no picture")
    np.save(root / "conditions.npy", rng.normal(size=(n, 2)))
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return paint(tmp_path_factory.mktemp("data") / "animals")


@pytest.fixture(scope="module")
def prepared(root) -> Path:
    out = root.parent / "records"
    assert prepare.main([f"folder:{root}", f"--out={out}", *FLAGS]) == 0
    return out


def content(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


def assert_equal_batches(a, b, **settings):
    first, second = (Batches(source, batch=16, seed=3, **settings) for source in (a, b))
    for step in (0, 1, 2, 5):
        x, y = first(step), second(step)
        assert list(x) == list(y)
        for name in x:
            assert x[name].dtype == y[name].dtype, name
            np.testing.assert_array_equal(x[name], y[name], name)


def test_batches_are_those_of_the_folder_to_the_bit(root, prepared):
    a, b = load(f"folder:{root}", res=8), load(f"records:{prepared}")
    assert sorted(content(prepared)) == sorted(
        [layout.NAME, layout.LABELS, *(layout.shard(i, 6) for i in range(6))]
    )
    assert (b.size, b.classes, b.condition_dim) == (39, ("cat", "dog", "emu"), 2)
    assert (b.fingerprint, b.describe()) == (a.fingerprint, a.describe())
    np.testing.assert_array_equal(a.labels(), b.labels())
    assert_equal_batches(a, b, flip=True)
    kept, held = split(a, 0.3, 1), split(b, 0.3, 1)
    assert kept.fingerprint == held.fingerprint
    assert_equal_batches(kept, held)
    assert_equal_batches(kept.test, held.test)
    assert named_data.named(str(prepared), "--real") == f"records:{prepared}"


def test_each_process_reads_its_rows(prepared):
    source = load(f"records:{prepared}")
    whole = Batches(source, batch=16, seed=3)(2)
    for i in range(4):
        own = np.arange(4 * i, 4 * i + 4)
        part = Batches(source, batch=16, seed=3, rows=lambda n, own=own: own)(2)
        for name in whole:
            np.testing.assert_array_equal(part[name], whole[name][own])


def test_a_zip_records_and_other_sources_can_be_prepared(root, prepared, tmp_path):
    packed = tmp_path / "animals.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*.*")):
            archive.write(path, path.relative_to(root))
    reference = load(f"records:{prepared}")
    for i, source in enumerate((f"folder:{packed}", f"records:{prepared}")):
        res = ["--res=8"] if i == 0 else []
        assert prepare.main([source, f"--out={tmp_path / str(i)}", "--shards=2", *res]) == 0
        found = load(f"records:{tmp_path / str(i)}")
        assert (found.fingerprint, found.classes) == (reference.fingerprint, reference.classes)
        assert_equal_batches(reference, found)
    small = tmp_path / "small"
    assert prepare.main([f"records:{prepared}", f"--out={small}", "--res=4", "--channels=1"]) == 0
    assert load(f"records:{small}").shape == (4, 4, 1)
    assert_equal_batches(load(f"records:{small}"), load(f"records:{prepared}", res=4, channels=1))
    assert prepare.main(["digits", f"--out={tmp_path / 'digits'}"]) == 0
    assert load(f"records:{tmp_path / 'digits'}").fingerprint == load("digits").fingerprint


KILLED = """
import os, signal, sys
from pathlib import Path
from jaxgan import prepare
from jaxgan.data.shards import closing, plan, writer
from jaxgan.runtime import files

source, place = sys.argv[1], Path(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def after(n, call, but=die):
    # The n-th call dies before it does anything.
    left = [n]
    def counted(*args, **kwargs):
        left[0] -= 1
        return but() if left[0] == 0 else call(*args, **kwargs)
    return counted

def run(out, *patches):
    pid = os.fork()
    if pid == 0:
        for module, name, n in patches:
            setattr(module, name, after(n, getattr(module, name)))
        os._exit(prepare.main([source, f"--out={out}", "--res=8", "--shard-size=7"]))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def content(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}

assert run(place / "whole") == 0
want = content(place / "whole")
points = {
    "planned": (plan.files, "write", 2),  # plan.json, and a note for each shard
    "in a shard": (writer, "_writing", 19),
    "its note": (writer.files, "write", 3),
    "renaming": (writer.files, "writing", 24),
    "labels": (closing.files, "replacing", 8),
    "records.json": (closing.layout, "write", 1),
    "clearing": (writer, "clear", 1),
}
for name, patch in points.items():
    out = place / name.replace(" ", "-")
    assert run(out, patch) == -9, name
    assert (out / "preparing").is_dir()
    assert run(out, (writer, "_write_shard", 2)) in (-9, 0)  # and again, a shard later
    assert run(out) == 0, name
    assert content(out) == want, name
print(len(want), "files")
"""


def test_kill_9_anywhere_and_again_gives_the_same_bytes(root, tmp_path):
    command = [sys.executable, "-c", KILLED, f"folder:{root}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "8 files\n"
    assert re.search("[1-5] of 6 shards are there already", done.stderr)


MEMORY = """
import os, resource, sys
from jaxgan import prepare
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches

def peak(call):
    r, w = os.pipe()
    if os.fork() == 0:
        call()
        os.write(w, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())
        os._exit(0)
    os.wait()
    return int(os.read(r, 99))

def write(n):
    prepare.main([f"folder:{place}/{n}.zip", f"--out={place}/{n}", "--res=256", "--shard-size=50"])

def read(n):
    batches = Batches(load(f"records:{place}/{n}"), batch=8, seed=0)
    for step in range(n // 8):
        batches(step)

place = sys.argv[1]
for call in (write, read):
    few, many = (peak(lambda: call(n)) for n in (50, 500))
    print(many - few)
"""


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    for n in (50, 500):
        with zipfile.ZipFile(tmp_path / f"{n}.zip", "w") as archive:
            for i in range(n):
                archive.write(tmp_path / "a.jpg", f"{i:04}.jpg")
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    more = [int(line) for line in done.stdout.split()]
    # 450 more take 88 MB; kilobytes.
    assert len(more) == 2 and all(each < 30_000 for each in more), more


def refused(flags: list[str]) -> str:
    with pytest.raises(UserError) as error:
        prepare.main(flags)
    text = str(error.value)
    assert "\n" not in text
    return text


def test_what_cannot_be_continued_is_refused(tmp_path, monkeypatch):
    root, out = paint(tmp_path / "animals"), tmp_path / "out"
    base = [f"folder:{root}", f"--out={out}"]
    with monkeypatch.context() as patch:
        patch.setattr(writer, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            prepare.main([*base, *FLAGS])
    with pytest.raises(UserError, match="run its command of jaxgan.prepare again"):
        load(f"records:{out}")
    assert "(res=8, and now 9)" in refused([*base, "--res=9", "--shard-size=7"])
    assert "(shard_size=7, and now 8)" in refused([*base, "--res=8", "--shard-size=8"])
    with Lock(out / plan.WORK):
        assert f"process {os.getpid()}" in refused([*base, *FLAGS])
    damaged = out / layout.shard(2, 6)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    flipped = bytearray(damaged.read_bytes())
    flipped[200] ^= 255
    damaged.write_bytes(flipped)
    assert "is removed; run it again" in refused([*base, *FLAGS])
    assert prepare.main([*base, *FLAGS]) == 0
    paint(root, 41)
    assert "has other content" not in refused([*base, *FLAGS])
    assert "(items=40, and now 41)" in refused([*base, *FLAGS])


def test_bad_inputs_are_one_line(root, tmp_path, monkeypatch):
    out = tmp_path / "out"
    base = [f"folder:{root}", f"--out={out}", "--res=8"]
    assert "dog/001.png" in refused([*base, "--on_bad=stop"])
    assert "--on_bad=skip" in refused([*base, "--on_bad=stop"])
    assert "--res: folder: needs it" in refused(base[:2])
    assert "--split: folder: takes no such option" in refused([*base, "--split=train"])
    assert "one domain" in refused(["photos_ab", f"--out={out}x"])
    assert "ring has no 8-bit images" in refused(["ring", f"--out={out}x"])
    assert "did you mean 'folder'" in refused([f"foldr:{root}", f"--out={out}x"])
    assert "other files (animals" in refused([base[0], f"--out={root.parent}", "--res=8"])
    assert "a run opens at most 512" in refused(["mnist", f"--out={out}x", "--shard-size=1"])
    with monkeypatch.context() as patch:
        patch.setattr(plan.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
        assert "take up to" in refused(["digits", f"--out={tmp_path / 'small'}"])
    assert prepare.main(["digits", f"--out={tmp_path / 'small'}", "--res=4", "--shards=3"]) == 0

    class Full:
        def __init__(self, *_):
            pass

        def write(self, _):
            raise RuntimeError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer, "module", lambda: type("Module", (), {"ArrayRecordWriter": Full}))
        with pytest.raises(OSError, match="No space left"):
            prepare.main(["digits", f"--out={tmp_path / 'full'}"])
    monkeypatch.setitem(sys.modules, "array_record.python", None)
    assert "pip install array_record" in refused(["digits", f"--out={tmp_path / 'absent'}"])


def edits(record: dict) -> dict[str, dict]:
    """Texts of records.json, by what the line about each says."""
    changed = {
        "has version 2": {"version": 2},
        "damaged (shape)": {"shape": [8, 8, 2]},
        "damaged (counts)": {"counts": [10**30]},
        "damaged (sizes)": {"sizes": [1]},
        "damaged (classes)": {"classes": [1, 2, 3]},
        "classes named more than once": {"classes": ["a", "a", "b"]},
        "damaged (fingerprint)": {"fingerprint": "../../etc/passwd"},
        "damaged (labels)": {"labels": ""},
        "keys that are not known": {"code": "import os"},
        "in place of 8": {"counts": [8, *record["counts"][1:]]},
        "has 131072 bytes in place of 5": {"sizes": [5, *record["sizes"][1:]]},
        "a record of 204 bytes in place of 208": {"condition_dim": 3},
    }
    return {text: {**record, **change} for text, change in changed.items()}


def test_damaged_and_hostile_records_are_one_line(prepared, tmp_path):
    files = content(prepared)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    def line() -> str:
        with pytest.raises(UserError) as error:
            load(f"records:{tmp_path}").gather(np.arange(39))
        assert "\n" not in str(error.value)
        return str(error.value)

    path = tmp_path / layout.NAME
    for text, record in edits(json.loads(files[layout.NAME])).items():
        path.write_text(json.dumps(record))
        assert text in line(), text
    for data in (b"", b"[" * 100_000, b"[1]", b'"x"', b"\xff\xfe", b'{"version": 1}'):
        path.write_bytes(data)
        assert "is damaged" in line(), data[:9]
    path.write_bytes(files[layout.NAME])
    for name, data in files.items():
        if name == layout.NAME:
            continue
        damages = [data[:-70], bytes(len(data)), data[:150] + b"?!" + data[152:]]
        for damage in damages:
            (tmp_path / name).write_bytes(damage)
            assert name in line()
        (tmp_path / name).unlink()
        assert name in line()
        (tmp_path / name).write_bytes(data)
    assert load(f"records:{tmp_path}").gather(np.arange(39))["image"].shape == (39, 8, 8, 3)
    with pytest.raises(UserError, match="has no records.json"):
        load(f"records:{tmp_path.parent}")
    with pytest.raises(UserError, match="no folder"):
        load("records:/nowhere")


def test_large_records_are_read_in_threads_to_the_same(prepared, monkeypatch):
    held = layout.read(prepared)
    plain = reader.Shards(prepared, layout.form(held), held.counts)
    monkeypatch.setattr(reader, "_LARGE", 1)
    threaded = reader.Shards(prepared, layout.form(held), held.counts)
    order = np.random.default_rng(0).integers(0, len(plain), 100)
    for name, column in plain.gather(order).items():
        np.testing.assert_array_equal(column, threaded.gather(order)[name])


def test_workers_do_not_change_the_order(root):
    given = [inputs.opened(f"folder:{root}", {"res": 8}, workers) for workers in (1, 5)]
    first, second = ([item.record for item in each.items(range(40))] for each in given)
    assert first == second and len(first) == 40
