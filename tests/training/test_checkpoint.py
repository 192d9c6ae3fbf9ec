"""Checkpoints: which are kept, what a reader leaves alone, and a full disk."""

import errno
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.game import State
from jaxgan.runtime.errors import UserError, is_full
from jaxgan.training.checkpoint import Checkpoints


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
