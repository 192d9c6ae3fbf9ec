"""Checkpoints: which are kept, what a reader leaves alone, damage, leaks, and a full disk."""

import errno
import os
import shutil
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.game import State
from jaxgan.runtime.errors import UserError, is_full
from jaxgan.training.checkpoint import Checkpoints, Damaged


def state(value):
    tree = {"g": {"w": jnp.full((3, 2), value), "b": {}}}
    return State(jnp.int32(value), tree, {"g": {}}, {}, {"g": (jnp.int32(1),)}, tree)


HERE = jax.sharding.SingleDeviceSharding(jax.devices()[0])


def steps(folder):
    return sorted(int(p.name) for p in folder.iterdir() if p.name.isdigit())


def test_keeps_the_last_and_every_kth(tmp_path):
    saves = Checkpoints(tmp_path, keep=2, every=30)
    assert saves.latest() is None
    for step in range(10, 80, 10):
        saves.save(state(step), step)
    saves.close()
    assert steps(tmp_path) == [30, 60, 70]
    again = Checkpoints(tmp_path, write=False)
    assert again.latest() == 70 and again.steps() == [30, 60, 70]
    like = jax.eval_shape(lambda: state(0))
    jax.tree.map(np.testing.assert_array_equal, again.load(like, HERE), state(70))
    jax.tree.map(np.testing.assert_array_equal, again.load(like, HERE, 30), state(30))


def test_reading_leaves_a_save_in_progress_alone(tmp_path):
    saves = Checkpoints(tmp_path, keep=1)
    saves.save(state(1), 1)
    saves.close()
    part = tmp_path / "2.orbax-checkpoint-tmp"
    part.mkdir()
    assert Checkpoints(tmp_path, write=False).latest() == 1
    assert part.exists()
    writing = Checkpoints(tmp_path, keep=1)
    assert writing.latest() == 1
    writing.close()
    give_up = time.monotonic() + 30
    while part.exists() and time.monotonic() < give_up:  # a background thread removes it
        time.sleep(0.05)
    assert not part.exists()


def test_a_full_disk_is_one_line_that_names_the_last_complete_checkpoint(tmp_path, monkeypatch):
    saves = Checkpoints(tmp_path, keep=2)
    saves.save(state(1), 1)
    saves.close()
    saves = Checkpoints(tmp_path, keep=2)

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saves._orbax, "save_async", full)
    with pytest.raises(UserError, match="disk is full.*last complete one is of step 1. Free"):
        saves.save(state(2), 2)


def test_only_a_full_disk_or_quota_counts_as_full():
    wrapped = RuntimeError("save failed")
    wrapped.__cause__ = OSError(errno.EDQUOT, "quota")
    assert is_full(wrapped)
    assert not is_full(OSError(errno.EACCES, "Permission denied"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints of steps 10, 20 and 30, to be copied."""
    folder = tmp_path_factory.mktemp("saved")
    saves = Checkpoints(folder)
    for step in (10, 20, 30):
        saves.save(state(step), step)
    saves.close()
    return folder


def truncate(folder):
    file = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    os.truncate(file, file.stat().st_size // 2)


def empty_all(folder):
    for file in (p for p in folder.rglob("*") if p.is_file()):
        file.write_bytes(b"")


def zeros_in_the_data(folder):
    for file in folder.rglob("d/*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 3 : len(content) // 3 + 64] = bytes(64)
        file.write_bytes(content)


DAMAGES = {
    "cut": truncate,
    "emptied": empty_all,
    "no arrays": lambda folder: shutil.rmtree(folder / "state" / "d"),
    "no manifest": lambda folder: (folder / "state" / "manifest.ocdbt").unlink(),
    "no metadata": lambda folder: (folder / "state" / "_METADATA").unlink(),
    "no state": lambda folder: shutil.rmtree(folder / "state"),
    "zeros": zeros_in_the_data,
    "nothing": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "another step": lambda folder: (
        shutil.rmtree(folder),
        shutil.copytree(folder.with_name("10"), folder),
    ),
}
LIKE = jax.eval_shape(lambda: state(0))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_passed_over_or_refused_and_never_loaded(saved, tmp_path, damage):
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    DAMAGES[damage](folder / "30")
    saves = Checkpoints(folder, write=False)
    found = saves.newest(LIKE, HERE, "fallback")
    assert found.step == 20 and list(found.damaged) == [30] and not found.misfit
    jax.tree.map(np.testing.assert_array_equal, found.state, state(20))
    (line,) = found.lines(folder)
    assert f"step 30 in {folder} is damaged (" in line and line.endswith("step 20 is used")
    assert "\n" not in line
    for refuse in (
        lambda: saves.load(LIKE, HERE, 30),
        lambda: saves.newest(LIKE, HERE, "stop"),
    ):
        with pytest.raises(Damaged, match=f"step 30 in {folder} .*move {folder}/30 elsewhere to "):
            refuse()
    assert saves.steps() == [10, 20, 30], "reading renames nothing"


def test_what_is_set_aside_is_kept_and_no_longer_a_checkpoint(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    (folder / "999").mkdir()
    (folder / "30.damaged").mkdir()
    saves = Checkpoints(folder, write=False)
    for step in (999, 30):
        saves.set_aside(step)
    assert saves.steps() == [10, 20]
    names = {p.name for p in folder.iterdir()}
    assert names == {"10", "20", "30.damaged", "30.damaged.2", "999.damaged"}
    writing = Checkpoints(folder, keep=1)
    writing.save(state(30), 30)
    writing.close()
    assert {p.name for p in folder.iterdir()} == names - {"10", "20"} | {"30"}


def test_without_a_whole_one_nothing_is_loaded(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    for step in (10, 20, 30):
        empty_all(folder / str(step))
    with pytest.raises(UserError, match="no checkpoint in .* is whole .step 30, .*; step 10, .*;"):
        Checkpoints(folder, write=False).newest(LIKE, HERE, "fallback")


def test_a_flipped_bit_in_any_file_is_noticed_or_harmless(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "checkpoints")
    files = sorted(p for p in (folder / "30").rglob("*") if p.is_file())
    assert len(files) >= 6
    rng, noticed = np.random.default_rng(0), 0
    saves = Checkpoints(folder, write=False)
    for file in files:
        content = file.read_bytes()
        for at in rng.choice(len(content), min(6, len(content)), replace=False):
            flipped = bytearray(content)
            flipped[at] ^= 1 << rng.integers(8)
            file.write_bytes(flipped)
            found = saves.newest(LIKE, HERE, "fallback")
            noticed += found.step == 20
            assert found.step in (20, 30) and not found.misfit
            jax.tree.map(np.testing.assert_array_equal, found.state, state(found.step))
        file.write_bytes(content)
    assert noticed > len(files)


def test_a_checkpoint_without_checksums_is_loaded(tmp_path):
    saves = Checkpoints(tmp_path)
    saves._orbax.save(7, state(7))
    saves.close()
    found = Checkpoints(tmp_path, write=False).newest(LIKE, HERE, "stop")
    jax.tree.map(np.testing.assert_array_equal, found.state, state(7))


def test_checksums_do_not_depend_on_the_placement_of_a_state(tmp_path):
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:2]), "seeds")
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("seeds"))
    both = jax.tree.map(lambda *x: jnp.stack(x), state(4), state(5))
    both = both.replace(ema=jax.tree.map(lambda x: x.astype(jnp.bfloat16), both.ema))
    saves = Checkpoints(tmp_path)
    saves.save(jax.device_put(both, split), 3)
    saves.close()
    for sharding in (split, HERE):
        found = Checkpoints(tmp_path, write=False).newest(both, sharding, "stop")
        jax.tree.map(np.testing.assert_array_equal, found.state, both)


def test_saves_leave_no_thread_and_no_handle(tmp_path):
    saves = Checkpoints(tmp_path, keep=1)
    counts = []
    for step in range(64):
        saves.save(state(step), step)
        counts.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))
    saves.close()
    # The least of some saves: those that are still being written have handles of their own.
    early, late = np.array(counts[4:14]).min(0), np.array(counts[-10:]).min(0)
    assert (late <= early + 2).all(), (early, late)
