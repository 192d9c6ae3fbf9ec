"""Compiled programs and freed memory are kept, unless the user says otherwise; the clock."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan.core import game as core
from jaxgan.runtime import environment as startup
from jaxgan.training import workdir as recipe
from jaxgan.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
JAX = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


def train(workdir, *flags, **env):
    """A short run of an MLP on one device; returns what it says of its start."""
    own = {k: v for k, v in os.environ.items() if k not in (*JAX, "XLA_FLAGS")}
    done = subprocess.run(
        [
            *[sys.executable, "-m", "jaxgan.main", "--config=experiments/gan.py:smoke"],
            *["--config.log.samples=4", f"--workdir={workdir}", *flags],
        ],
        cwd=ROOT,
        env=own | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "cache entry" not in done.stderr, "jax found fault with its cache"
    return re.search(r"first step after (\S+) s: (.*)", done.stderr)


def state_of(workdir):
    _, game = recipe.recall(workdir)
    like = jax.eval_shape(lambda: core.init(game, jax.random.key(0)))
    saves = Checkpoints(workdir / "checkpoints", write=False)
    return saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))


def test_a_run_resumed_from_the_cache_is_bit_identical_to_one_without(tmp_path):
    cached = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_ENABLE_COMPILATION_CACHE": "true"}
    plain = tmp_path / "plain"
    train(plain, "--config.steps=6", XDG_CACHE_HOME=str(tmp_path / "unused"))
    assert not (tmp_path / "unused" / "jaxgan").exists(), "off is off"

    line = train(tmp_path / "run", "--config.steps=3", **cached)
    programs = sorted((tmp_path / "cache" / "jaxgan" / "programs").glob("*/*"))
    assert any("train_step" in path.name for path in programs)
    train(tmp_path / "run", "--config.steps=6", **cached)
    assert sorted((tmp_path / "cache" / "jaxgan" / "programs").glob("*/*")) == programs

    resumed, whole = state_of(tmp_path / "run"), state_of(plain)
    assert int(resumed.step) == 6
    for (path, a), b in zip(
        jax.tree.leaves_with_path(resumed), jax.tree.leaves(whole), strict=True
    ):
        np.testing.assert_array_equal(a, b, err_msg=jax.tree_util.keystr(path))

    laps = dict(lap.rsplit(" ", 1) for lap in line[2].split(", "))
    assert list(laps) == ["imports", "data", "build", "first picture", "first step"]
    assert abs(float(line[1]) - sum(map(float, laps.values()))) < 0.3  # each is rounded
    assert float(laps["imports"]) > 0


def test_the_users_own_variables_win(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in JAX:
        monkeypatch.delenv(name, raising=False)
    startup.cache()
    assert os.environ[JAX[0]] == str(startup.folder())
    assert startup.folder().is_relative_to(tmp_path / "jaxgan" / "programs")
    monkeypatch.setenv(JAX[0], "/elsewhere")
    startup.cache()
    assert os.environ[JAX[0]] == "/elsewhere"


def test_every_program_keeps_what_it_compiles():
    """JAX reads its variables when it is imported: `cache` comes before that, where it matters."""
    programs = [
        path.stem
        for path in sorted((ROOT / "jaxgan").glob("*.py"))
        if "run(main)" in path.read_text()
    ]
    assert {"main", "sample", "bench", "evaluate", "convert", "modes"} <= set(programs)
    imports = "; ".join(f"import jaxgan.{name}" for name in programs)
    code = f"import sys; {imports}; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    for name in programs:
        assert "startup.prepare()" in (ROOT / "jaxgan" / f"{name}.py").read_text(), name


def test_the_toy_study_keeps_what_it_compiles(tmp_path):
    own = {k: v for k, v in os.environ.items() if k not in JAX}
    own |= {"XDG_CACHE_HOME": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "true"}
    own["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    flags = ["--data=ring", "--recipes=ns", "--seeds=2", "--steps=2", f"--out={tmp_path}/modes.md"]
    command = [sys.executable, "-m", "jaxgan.modes", *flags, "--config.batch=4"]
    subprocess.run(command, cwd=ROOT, env=own, check=True, capture_output=True)
    programs = [path.name for path in (tmp_path / "jaxgan" / "programs").glob("*/*")]
    assert any("chunk" in name for name in programs)
    assert "| ring | ns |" in (tmp_path / "modes.md").read_text()


def test_hosts_share_no_programs(monkeypatch):
    here = startup.folder()
    assert startup.folder() == here
    monkeypatch.setenv("NPROC", "77")
    assert startup.folder() != here
    monkeypatch.delenv("NPROC")
    monkeypatch.setattr(startup, "_processor", lambda: "another")
    assert startup.folder() != here


def test_clock():
    clock = startup.Clock(age=2.0)
    clock.lap("imports")
    clock.lap("data")
    assert str(clock) == "2.0 s: imports 2.0, data 0.0"
    assert 0 < startup.age() < 24 * 3600


FAULTS = """
import resource
import numpy as np
from jaxgan.runtime import environment as startup

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        np.ones(3_000_000, np.uint8)  # below 4 MB, from where on NumPy asks for huge pages
        np.ones(40_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
given_back = faults()
startup.memory()
faults()
print(given_back, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are glibc's")
@pytest.mark.parametrize(("env", "kept"), [({}, True), ({"MALLOC_ARENA_MAX": "2"}, False)])
def test_freed_memory_is_kept_unless_the_user_says_otherwise(env, kept):
    own = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env=own | env,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    before, after = map(int, done.stdout.split())
    assert (after < before / 10) == kept, done.stderr
