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

from jaxgan.runtime import environment
from jaxgan.runtime.clock import Clock, age
from jaxgan.training import workdir

ROOT = Path(__file__).parents[2]
JAX = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")
EIGHT = ("XLA_FLAGS", "NPROC")  # what conftest.py sets for eight devices


def train(folder, *flags, **env):
    """A short run of an MLP on one device; returns what it says of its start."""
    own = {k: v for k, v in os.environ.items() if k not in (*JAX, *EIGHT)}
    done = subprocess.run(
        [
            *[sys.executable, "-m", "jaxgan.main", "--config=experiments/gan.py:smoke"],
            *["--config.log.samples=4", f"--workdir={folder}", *flags],
        ],
        cwd=ROOT,
        env=own | env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "cache entry" not in done.stderr, "jax found fault with its cache"
    return re.search(r"first step after (\S+) s: (.*)", done.stderr)


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

    resumed, whole = (workdir.restore(folder).state for folder in (tmp_path / "run", plain))
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
    environment.cache()
    assert os.environ[JAX[0]] == str(environment.folder())
    assert environment.folder().is_relative_to(tmp_path / "jaxgan" / "programs")
    monkeypatch.setenv(JAX[0], "/elsewhere")
    environment.cache()
    assert os.environ[JAX[0]] == "/elsewhere"


def test_every_command_prepares_its_environment_before_jax_is_imported():
    """JAX reads its variables when it is imported."""
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
        assert "environment.prepare()" in (ROOT / "jaxgan" / f"{name}.py").read_text(), name


def test_the_mode_study_keeps_what_it_compiles(tmp_path):
    own = {k: v for k, v in os.environ.items() if k not in (*JAX, *EIGHT)}
    own |= {"XDG_CACHE_HOME": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "true"}
    own["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
    flags = ["--data=ring", "--recipes=ns", "--seeds=2", "--steps=2", f"--out={tmp_path}/modes.md"]
    command = [sys.executable, "-m", "jaxgan.modes", *flags, "--config.batch=4"]
    subprocess.run(command, cwd=ROOT, env=own, check=True, capture_output=True)
    programs = [path.name for path in (tmp_path / "jaxgan" / "programs").glob("*/*")]
    assert any("chunk" in name for name in programs)
    assert "| ring | ns |" in (tmp_path / "modes.md").read_text()


def test_hosts_of_other_processors_or_cores_share_no_programs(monkeypatch):
    monkeypatch.delenv("NPROC", raising=False)
    here = environment.folder()
    assert environment.folder() == here
    monkeypatch.setenv("NPROC", "77")
    assert environment.folder() != here
    monkeypatch.delenv("NPROC")
    assert environment.folder() == here
    monkeypatch.setattr(environment, "_processor", lambda: "another")
    assert environment.folder() != here


def test_clock_counts_seconds_by_phase():
    clock = Clock(age=2.0)
    clock.lap("imports")
    clock.lap("data")
    assert str(clock) == "2.0 s: imports 2.0, data 0.0"
    assert 0 < age() < 24 * 3600


FAULTS = """
import resource
import numpy as np
from jaxgan.runtime import environment

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        np.ones(3_000_000, np.uint8)  # below 4 MB, from where on NumPy asks for huge pages
        np.ones(40_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
returned = faults()
environment.memory()
faults()
print(returned, faults())
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
