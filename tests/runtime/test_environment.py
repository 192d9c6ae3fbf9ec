"""Compiled programs are kept, unless the user says otherwise; the clock."""

import os
import pwd
import re
import resource
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest
import xla

from jaxgan.runtime import environment
from jaxgan.runtime.clock import Clock, age
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir

ROOT = Path(__file__).parents[2]
JAX = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


def train(folder, *flags, **env):
    """A short run of an MLP on one device; returns what it says of its start."""
    own = {k: v for k, v in xla.one_device().items() if k not in JAX}
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


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """A cache folder of this user's own that is on, in a process without JAX's variables."""
    for name in JAX:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return environment.folder()


def test_the_cache_is_made_for_its_user_alone(kept, capsys):
    before = os.umask(0)
    try:
        environment.cache()
    finally:
        os.umask(before)
    assert os.environ["JAX_ENABLE_COMPILATION_CACHE"] == "true" and not capsys.readouterr().err
    for each in (kept, *kept.parents[:3]):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700, each


def _others_write(folder):
    folder.chmod(0o777)


def _others_write_above(folder):
    folder.parents[1].chmod(0o775)


def _others_write_far_above(folder):
    folder.parents[3].chmod(0o777)


def _another_owns(folder):
    os.chown(folder, 54321, 54321)


def _another_wrote(folder):
    (folder / "step-key").write_bytes(b"")
    os.chown(folder / "step-key", 54321, 54321)


def _a_file(folder):
    folder.rmdir()
    folder.write_text("")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (_others_write, "others can write .*: rm -r .*; chmod go-w"),
        (_others_write_above, "others can write .*jaxgan: rm -r .*; chmod go-w"),
        (_others_write_far_above, "others can write .*: rm -r"),
        (_another_owns, "belongs to another user; set XDG_CACHE_HOME"),
        (_another_wrote, "step-key belongs to another user: rm -r"),
        (_a_file, "Not a directory|File exists"),
    ],
)
def test_a_cache_that_others_can_write_is_off_and_one_line_says_so(kept, spoil, text, capsys):
    if "another" in spoil.__name__ and os.geteuid():
        pytest.skip("only root can give files away")
    environment.cache()
    spoil(kept)
    environment.cache()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: compiled programs are not kept: ") and re.search(text, line)
    assert os.environ["JAX_ENABLE_COMPILATION_CACHE"] == "false"


def test_a_folder_that_everybody_may_write_to_is_no_danger_with_the_sticky_bit(kept, capsys):
    environment.cache()
    kept.parents[3].chmod(0o1777)
    environment.cache()
    assert not capsys.readouterr().err


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_home_has_caches_in_the_folder_of_temporary_files(
    home, monkeypatch, tmp_path
):
    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert environment.caches() == tmp_path / f"jaxgan-{os.getuid()}"
    monkeypatch.setenv("XDG_CACHE_HOME", "~")  # no folder of that name comes about
    assert environment.caches() == tmp_path / f"jaxgan-{os.getuid()}"
    monkeypatch.setenv("HOME", "/home/me")
    assert environment.caches() == Path("/home/me/.cache")


def test_damaged_programs_are_one_line(kept, capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    environment.cache()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", lambda *args, **named: print("shown"))
        environment.cache()
        for name in ("init", "step", "sample"):
            warnings.warn(
                f"Error reading persistent compilation cache entry for '{name}': zlib", stacklevel=1
            )
        warnings.warn("something else", stacklevel=1)
    out, err = capsys.readouterr()
    assert out == "shown\n" and len(err.splitlines()) == 1
    assert err.startswith(f"warning: programs in {kept} are damaged") and "delete" in err


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
    without = {"report", "sweep"}  # neither needs jax: a sweep's children do, which prepare it
    for name in set(programs) - without:
        assert "environment.prepare()" in (ROOT / "jaxgan" / f"{name}.py").read_text(), name


def test_the_mode_study_keeps_what_it_compiles(tmp_path):
    own = {k: v for k, v in xla.one_device().items() if k not in JAX}
    own |= {"XDG_CACHE_HOME": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "true"}
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


def test_too_few_open_files_are_one_line(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (24, 24))
    with pytest.raises(UserError, match="ulimit -n is 24, too few .*: ulimit -n 4096"):
        environment.prepare()


def test_simulated_devices_get_threads_and_a_line_says_so(monkeypatch, capsys):
    monkeypatch.setenv("XLA_FLAGS", "--a=1 --xla_force_host_platform_device_count=500 --b=2")
    monkeypatch.setenv("NPROC", "3")
    environment.threads()
    assert os.environ["NPROC"] == "3" and not capsys.readouterr().err, "a user's own"
    monkeypatch.delenv("NPROC")
    environment.threads()
    assert os.environ["NPROC"] == "1000"
    line = capsys.readouterr().err
    assert line.startswith("500 simulated CPU devices on ") and line.count("\n") == 1
    monkeypatch.delenv("NPROC")
    for name, value in (("XLA_FLAGS", ""), ("JAX_NUM_CPU_DEVICES", "1")):
        monkeypatch.setenv(name, value)
        environment.threads()
        assert "NPROC" not in os.environ, "as many as there are cores"
