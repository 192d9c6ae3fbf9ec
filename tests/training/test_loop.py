"""The training command: resume, signals, kills, and what it says of bad input."""

import functools
import importlib.metadata
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import xla
from PIL import Image

from jaxgan import config as configs
from jaxgan import main
from jaxgan.core.game import Spec
from jaxgan.data.pipeline import Batches
from jaxgan.runtime import errors
from jaxgan.runtime.errors import UserError
from jaxgan.training import logger, loop, replicas, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.setup import open_source
from jaxgan.visual.sheet import LINE, sheet

ROOT = Path(__file__).parents[2]
ENV = xla.one_device()  # of the commands; `programs` adds what they compile
SMALL = [
    "--config=experiments/gan.py",
    "--config.batch=16",
    "--config.log.every=5",
    "--config.log.pictures=20",
    "--config.log.samples=4",
    "--config.checkpoint.every=10",
]


@pytest.fixture(scope="module", autouse=True)
def programs(tmp_path_factory):
    """Lets the commands share what they compile: a run and its continuation play the same."""
    ENV["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path_factory.mktemp("programs"))
    ENV["JAX_ENABLE_COMPILATION_CACHE"] = "true"


def start(folder, *flags, **kwargs):
    command = [sys.executable, "-m", "jaxgan.main", *SMALL, f"--workdir={folder}", *flags]
    return subprocess.Popen(command, cwd=ROOT, env=ENV, stderr=subprocess.PIPE, text=True, **kwargs)


def train(folder, *flags):
    process = start(folder, *flags)
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def state_of(folder):
    """The newest checkpoint of all seeds."""
    record = workdir.read(folder)
    like = replicas.like(record.game(), record.config.get("seeds", 1))
    saves = Checkpoints(folder / "checkpoints", write=False)
    return saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))


def wait_for_step(folder, step):
    """Waits until a run has logged `step`."""
    for _ in range(1200):
        if any(row["step"] >= step for row in logger.read(folder)):
            return
        time.sleep(0.1)
    pytest.fail(f"no step {step} in {folder}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 60 steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    code, err = train(folder, "--config.steps=60", "--config.dispatch=1")
    assert code == 0, err
    return folder


def test_a_run_writes_its_logs_pictures_and_checkpoints(whole):
    assert [r["step"] for r in logger.read(whole)] == list(range(5, 61, 5))
    row = logger.read(whole)[-1]
    assert {"kimg", "images_per_s", "d/loss", "g/loss", "d/real", "d/fake"} <= set(row)
    assert 0 < row["d/real"] < 1 and row["kimg"] == 60 * 16 / 1000
    pictures = sorted(p.name for p in (whole / "samples").iterdir())
    assert pictures == [*(f"{step:08d}.png" for step in (0, 20, 40, 60)), "real.png"]
    for name in ("progress.gif", "curves.png"):
        assert (whole / name).stat().st_size > 1000
    assert list((whole / "tensorboard").glob("events*"))
    saved = json.loads((whole / "config.json").read_text())
    assert saved["config"]["batch"] == 16 and saved["versions"]["jax"] == jax.__version__
    assert "revision" in saved
    kept = sorted(int(p.name) for p in (whole / "checkpoints").iterdir() if p.name.isdigit())
    assert kept == [50, 60]


def test_real_images_are_drawn_as_the_nets_see_them(whole):
    config = workdir.read(whole).config
    source = open_source(config["data"])
    batch = Batches(source, batch=16, seed=0, flip=config["data"].get("flip", False))(0)
    picture = np.asarray(Image.open(whole / "samples" / "real.png"))
    np.testing.assert_array_equal(picture, sheet(batch["image"][:4])[..., 0])
    both = np.asarray(Image.open(whole / "real-and-fake.png"))
    assert both.shape == (picture.shape[0] + LINE, 2 * picture.shape[1]), "with titles"


KILLED_IN_A_SAVE = """
import os, signal
from jaxgan.runtime import errors
from jaxgan import main
from jaxgan.training.checkpoint import Checkpoints

save = Checkpoints.save

def save_and_die(self, state, step, pending):
    save(self, state, step, pending)
    if step == 30:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoints.save = save_and_die
errors.run(main.main)
"""


def test_kill_and_resume_is_bit_identical(whole, tmp_path):
    flags = [*SMALL, f"--workdir={tmp_path}", "--config.steps=60"]
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_A_SAVE, *flags], cwd=ROOT, env=ENV)
    assert killed.returncode == -signal.SIGKILL
    latest = Checkpoints(tmp_path / "checkpoints", write=False).latest()
    assert latest in (20, 30), "an interrupted save does not count"
    code, err = train(tmp_path, "--config.steps=60")  # the same command
    assert code == 0 and f"resuming from step {latest}" in err
    assert [row["step"] for row in logger.read(tmp_path)] == list(range(5, 61, 5))
    assert all(p.name.isdigit() for p in (tmp_path / "checkpoints").iterdir())

    resumed, uninterrupted = state_of(tmp_path), state_of(whole)
    assert int(resumed.step) == int(uninterrupted.step) == 60
    leaves = jax.tree.leaves_with_path(resumed)
    parts = {jax.tree_util.keystr(path).split("[")[0] for path, _ in leaves}
    assert parts >= {".params", ".opt", ".ema", ".step"}
    for (path, a), b in zip(leaves, jax.tree.leaves(uninterrupted), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=jax.tree_util.keystr(path))


STOPPED_AT_23 = """
import os, signal
from jaxgan import main
from jaxgan.runtime import errors
from jaxgan.training.dispatch import Single

step = Single.step

def stopped(self, states, batches, t):
    if t == 22:
        os.kill(os.getpid(), signal.SIGTERM)
    return step(self, states, batches, t)

Single.step = stopped
errors.run(main.main)
"""


def test_a_stop_leaves_no_trace_in_the_run_that_resumes(whole, tmp_path):
    flags = [*SMALL, f"--workdir={tmp_path}", "--config.steps=60", "--config.dispatch=1"]
    command = [sys.executable, "-c", STOPPED_AT_23, *flags]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True)
    assert done.returncode == 75 and "stopped at step 23" in done.stderr, done.stderr
    assert Checkpoints(tmp_path / "checkpoints", write=False).latest() == 23
    assert logger.read(tmp_path)[-1]["step"] == 20, "no row off the interval"
    code, err = train(tmp_path, "--config.steps=60", "--config.dispatch=1")
    assert code == 0 and "resuming from step 23" in err

    def rows(folder):
        return [row | {"images_per_s": 0} for row in logger.read(folder)]

    assert rows(tmp_path) == rows(whole), "the row of step 25 is of all its five steps"
    for name in ("progress.gif", *(f"samples/{p.name}" for p in (whole / "samples").iterdir())):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes(), name
    for a, b in zip(*map(jax.tree.leaves, (state_of(tmp_path), state_of(whole))), strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_experiments_workdir_is_left_alone(whole):
    before = sorted(p.name for p in whole.rglob("*"))
    code, err = train(whole, "--config.optim.g.lr=0.5", "--config.steps=50")
    assert code == 2 and "config.optim.g.lr was 0.0002, now 0.5" in err and "--workdir" in err
    assert sorted(p.name for p in whole.rglob("*")) == before


NAN_AT_STEP_25 = """
import numpy as np
from jaxgan.runtime import errors
from jaxgan import main
from jaxgan.data.pipeline import Batches

batch = Batches.__call__

def poisoned(self, step):
    image = batch(self, step)["image"].astype(np.float32)
    return {"image": image * (np.nan if step == 25 else 1.0)}

Batches.__call__ = poisoned
errors.run(main.main)
"""


def test_nan_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    command = [sys.executable, "-c", NAN_AT_STEP_25, *SMALL, f"--workdir={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, env=ENV, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: step 25, turn 'd'") and "Step 20 is saved" in error
    assert int(state_of(tmp_path).step) == 20
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state_of(tmp_path)))


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--config.game.g.widht=3"], "config.game.g.widht: Generator has no such option; did you"),
        (["--config.optm.g.lr=1"], "config.optm: prepare has no such option; did you mean 'optim'"),
        (["--config.sede=1"], "config.sede: prepare has no such option; did you mean 'seed'"),
        (["--config.data.name=folder:/no/such"], "/no/such"),
        (["--config.data.name=tfds:cifar10"], "no network"),
        (["--config.game.g=acgan.Generator"], "16, 32, 64, 128 or 256"),
        (["--config.steps=soon"], "config.steps"),
    ],
)
def test_bad_input_gives_one_line_before_the_first_step(tmp_path, flags, text, monkeypatch, capsys):
    folder = tmp_path / "run"
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["main", *SMALL, f"--workdir={folder}", *flags])
    with pytest.raises(SystemExit) as ended:
        errors.run(main.main)
    err = capsys.readouterr().err
    assert ended.value.code == 2 and "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ") and text in err.splitlines()[-1]
    assert not folder.exists(), "nothing is left behind"


def toy(*flags):
    config = configs.load(f"{ROOT}/experiments/toy.py:smoke")
    configs.override(config, ["--config.log.every=6", "--config.log.pictures=6", *flags])
    for node in config.optim.values():  # a rate that falls would depend on the run's length
        node.decay = "constant"
    return config.to_dict()


@pytest.mark.parametrize("way", ["vmap", "sequential"])
def test_seeds_are_logged_drawn_and_resumed(tmp_path, way, compiled_once_a_module, capsys):
    flags = ["--config.seeds=2", f"--config.replicas={way}", "--config.checkpoint.every=6"]
    for steps in (6, 12):  # stops in between
        assert loop.train(toy(*flags, f"--config.steps={steps}"), tmp_path / "resumed") == 0
        line = "data: 100000 points of 8 classes ((2, 0) 12500, "
        assert capsys.readouterr().err.startswith(line), "every start says what the data are"
    assert Image.open(tmp_path / "resumed" / "samples" / "real.png").size == (480, 480)
    assert loop.train(toy(*flags, "--config.steps=12"), tmp_path / "whole") == 0
    resumed, whole = state_of(tmp_path / "resumed"), state_of(tmp_path / "whole")
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)
    assert whole.step.tolist() == [12, 12]
    row = logger.read(tmp_path / "whole")[-1]
    assert row["d/loss_ci95"] > 0 and row["diagnosis/diversity_ci95"] > 0
    picture = Image.open(tmp_path / "whole" / "samples" / "00000012.png")
    assert picture.size == (960, 480), "a panel for each seed"

    alone = toy("--config.steps=12", "--config.seed=1", "--config.checkpoint.every=6")
    assert loop.train(alone, tmp_path / "alone") == 0
    # Adam divides a small gradient by its own size, and its rounding too: rate 5e-3, 12 steps.
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    jax.tree.map(close, replicas.pick(whole, 1), state_of(tmp_path / "alone"))


def test_time_that_is_up_ends_a_run_after_a_save(tmp_path):
    long = [f"--config.{key}=1000000" for key in ("steps", "log.pictures")]
    config = toy(*long, "--config.log.every=1", "--config.checkpoint.every=1000000")
    assert loop.train(config, tmp_path, seconds=0.05) == 0
    assert 0 < state_of(tmp_path).step < 1_000_000


def test_zero_seeds_are_refused(tmp_path):
    with pytest.raises(UserError, match="config.seeds=0"):
        loop.train(toy("--config.seeds=0"), tmp_path)


def test_a_checkout_that_is_not_installed_has_no_version(tmp_path, monkeypatch):
    known = importlib.metadata.version

    def version(name):
        if name == "jaxgan":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    workdir.write(tmp_path, workdir.Record({}, Spec((2,)), 1))
    versions = json.loads((tmp_path / "config.json").read_text())["versions"]
    assert versions["jaxgan"] is None and versions["jax"] == jax.__version__


def test_a_kill_after_a_stop_has_saved_loses_no_row_and_no_picture(
    tmp_path, monkeypatch, compiled_once
):
    """A stop saves before it draws what is due; what it did not get to is drawn on resume."""
    tiny = [*SMALL[1:], "--config.data.res=4", "--config.steps=20", "--config.dispatch=1"]
    config = configs.load(f"{ROOT}/experiments/gan.py")
    configs.override(config, [*tiny, "--config.log.pictures=10"])
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert loop.train(config.to_dict(), whole) == 0

    def kill(self, states, done, means):
        raise InterruptedError if done == 10 else AssertionError

    with monkeypatch.context() as stopped:
        stopped.setattr("jaxgan.runtime.signals.StopSignal.reached", lambda self, n: n == 9)
        stopped.setattr("jaxgan.training.loop.due", lambda run, done: done == 10)
        stopped.setattr("jaxgan.training.records.journal.Journal.write", kill)
        with pytest.raises(InterruptedError):
            loop.train(config.to_dict(), killed)
    assert loop.train(config.to_dict(), killed) == 0
    rows = {row["step"]: row for row in logger.read(killed)}
    last = {row["step"]: row for row in logger.read(whole)}
    assert list(rows) == [10, 15, 20]
    for step in (15, 20):
        assert rows[step] | {"images_per_s": 0} == last[step] | {"images_per_s": 0}
    assert {k: v for k, v in rows[10].items() if k.startswith("diagnosis")} == {
        k: v for k, v in last[10].items() if k.startswith("diagnosis")
    }
    for name in ("00000010.png", "00000020.png"):
        assert (killed / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()
