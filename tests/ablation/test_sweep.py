"""Sweeps from end to end: a killed run, a failing cell, replicas; and the files that ship."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import xla

from jaxgan import sweep
from jaxgan.ablation import cells, check, record, spec
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "experiments/ablations").glob("*.py"))
ENV = xla.one_device() | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
SWEEP = """
from ml_collections import ConfigDict
from jaxgan.config import load, override

TINY = {
    "batch": 8, "data.res": 16, "dispatch": 5, "game.g.widths": (8,), "game.d.widths": (8,),
    "log.every": 20, "log.pictures": 100, "log.samples": 4, "checkpoint.every": 20,
}


def get_config(arg=None):
    if arg == "base":
        config = load("experiments/gan.py")
        override(config, [f"--config.{key}={value}" for key, value in TINY.items()])
        return config
    sweep = ConfigDict()
    sweep.base = f"{__file__}:base"
    sweep.axes = {"rate": {"base": {}, "diverges": {"optim": {"d": {"lr": 1e30}}}}}
    sweep.seeds = 2
    sweep.metrics = ("d/fake", "diagnosis/coverage")
    sweep.budget = {"steps": 300}
    return sweep
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    return ENV | {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_ENABLE_COMPILATION_CACHE": "true"}


def command(*flags):
    return [sys.executable, "-m", "jaxgan.sweep", *map(str, flags)]


def tables(folder):
    """The bytes of all tables."""
    names = ("table.md", "table.csv", "runs.csv", "samples.png", record.NAME)
    return {name: (folder / name).read_bytes() for name in names}


def kill_after_a_checkpoint(workdir):
    """SIGKILLs the process that trains in a workdir once it has saved."""
    end = time.monotonic() + 300
    while not (workdir / "checkpoints/20").exists():
        assert time.monotonic() < end, "no checkpoint"
        time.sleep(0.01)
    os.kill(int((workdir / ".lock").read_text().split()[1]), signal.SIGKILL)


def test_a_killed_sweep_ends_in_the_table_of_one_never_killed(tmp_path, env, monkeypatch, capsys):
    file = tmp_path / "sweep.py"
    file.write_text(SWEEP)
    folder = tmp_path / "s"
    process = subprocess.Popen(
        command(file, f"--workdir={folder}"), cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    )
    run = folder / "rate=base/seed-0"
    kill_after_a_checkpoint(run)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 75, err
    assert "rate=base seed 0: killed by SIGKILL" in err and "warning: 2 seeds" in err
    stopped = (folder / "table.md").read_text()
    assert "- rate=base: seed 0: killed by SIGKILL" in stopped
    assert "rate=diverges: seed 0, 1: step" in stopped and "lower config.optim.d.lr" in stopped

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(check, "in_child", lambda *_: None)  # the first sweep checked its cells
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert sweep.main([str(file), f"--workdir={folder}"]) == 0
    assert "4 runs, 1 to do" in capsys.readouterr().err
    assert "resuming from step" in run.with_name("seed-0.log").read_text()
    killed = tables(folder)
    run.rename(folder / "killed")  # that run alone is trained again, and not killed
    assert sweep.main([str(file), f"--workdir={folder}"]) == 0
    assert tables(folder) == killed


def test_a_sweep_that_ships_runs_in_seconds_as_replicas(tmp_path, env):
    file = "experiments/ablations/losses.py:smoke"
    done = subprocess.run(
        command(file, f"--workdir={tmp_path}", "--jobs=2"),
        cwd=ROOT, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "runs.csv").read_text().splitlines()
    assert len(rows) == 5 and all(row.endswith(",") for row in rows[1:]), rows
    assert "| r1 | 2 |" in done.stdout and f"jaxgan.sweep {file}" in done.stdout


MEASURES = """
import json, pathlib, sys
folder, seed, rate = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if rate == "diverges" and seed == 1 and not (folder.parent / "mended").exists():
    sys.exit("error: step 9: a loss is not finite")
folder.mkdir(parents=True, exist_ok=True)
figures = {"d/fake": [seed + 2.0 * (rate == "diverges")], "diagnosis/coverage": [0.5]}
(folder / "figures.json").write_text(json.dumps({"step": 300, "figures": figures}))
"""


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """The sweep of SWEEP, whose runs train nothing."""

    def jobs(found, folder):
        for job in REAL(found, folder):
            args = (str(job.workdir), str(job.seeds[0]), job.cell.levels["rate"])
            yield job._replace(train=("-c", "pass"), measure=("-c", MEASURES, *args))

    REAL = cells.jobs
    monkeypatch.setattr(cells, "jobs", jobs)
    monkeypatch.setattr(check, "in_child", lambda *_: None)
    monkeypatch.chdir(ROOT)
    file = tmp_path / "sweep.py"
    file.write_text(SWEEP)
    return str(file)


def test_what_failed_is_skipped_until_it_is_retried(pretended, tmp_path, capsys):
    flags = [pretended, f"--workdir={tmp_path}/s"]
    failing = "rate=diverges,1,,,,step 9: a loss is not finite"
    for more, left in ((["--jobs=2"], 4), ([], 0), (["--retry"], 1)):
        assert sweep.main([*flags, *more]) == 0
        assert f"4 runs, {left} to do" in capsys.readouterr().err
        assert failing in (tmp_path / "s/runs.csv").read_text().splitlines()
    assert "seed 1: step 9: a loss is not finite" in (tmp_path / "s/table.md").read_text()
    (tmp_path / "s/rate=diverges/mended").touch()
    assert sweep.main([*flags, "--retry"]) == 0
    out = capsys.readouterr().out
    assert "seed 1:" not in out and "| diverges | 2 | 2 (-4 to 9) | +2.0 (2.0 to 2.0) |" in out


def test_list_and_slurm_run_nothing(pretended, tmp_path, capsys):
    assert sweep.main([pretended, f"--workdir={tmp_path}/s", "--list"]) == 0
    assert capsys.readouterr().out.count("python -c pass &&") == 4 and not (tmp_path / "s").exists()
    assert sweep.main([pretended, f"--workdir={tmp_path}/s", "--slurm"]) == 0
    assert capsys.readouterr().out == f"sbatch {tmp_path}/s/array.sh\n"
    script = (tmp_path / "s/array.sh").read_text()
    assert "--array=0-3\n" in script and f"cd {ROOT}\n" in script
    assert not list((tmp_path / "s").glob("rate=*"))
    with pytest.raises(UserError, match="not allowed with"):
        sweep.main([pretended, f"--workdir={tmp_path}/s", "--slurm", "--list"])


def first_runs(path, folder):
    """A sweep file's sweep, and a run of each of its cells."""
    found = spec.load(str(path))
    runs = {job.cell.run: job for job in cells.jobs(found, folder)}
    return found, [*runs.values()]


@pytest.mark.parametrize(
    "name",
    [f"{path.name}{arg}" for path in SHIPPED for arg in ("", ":smoke")]
    + ["lipschitz.py:digits", "lipschitz.py:digits,smoke"],
)
def test_cells_of_sweeps_that_ship_can_be_trained_and_measured(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    found, jobs = first_runs(ROOT / "experiments/ablations" / name, tmp_path)
    # Axes set keys of their own: each level is tried with the others' base.
    base = set(found.base.levels.items())
    near = [job for job in jobs if len(base - set(job.cell.levels.items())) <= 1]
    check.check(near, found.metrics, found.n)
    assert not list(tmp_path.iterdir()), "nothing is written"
    assert "smoke" in name or len(found.seeds) >= 3


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"lr": 1e30', '"lrr": 1', "rate=diverges: config.optim.d.lrr: .*; did you mean 'lr'"),
        ('"batch": 8', '"batch": 0', "rate=base: config.batch=0: at least 1"),
        ('"dispatch": 5', '"dispatch": 7', "rate=base: config.dispatch=7: must divide"),
        ('"d/fake"', '"agreement"', "rate=base: --metrics=agreement: .* unconditional"),
        ('"d/fake"', '"d/fak"', "rate=base: sweep.metrics: its runs log no 'd/fak'; .* 'd/fake'"),
        ('"diagnosis/coverage"', '"diagnosis/cover"', "no 'diagnosis/cover'; .*/coverage'"),
        ('"d/fake"', '"swd/29"', "rate=base: sweep.metrics: its runs have no 'swd/29'; .* 'swd/"),
        (
            '{"optim": {"d": {"lr": 1e30}}}',
            '{"evaluate": {"psi": 0.5}}',
            "rate=diverges: --psi=0.5: .* no w to truncate",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_anything_does(old, new, text, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "sweep.py"
    file.write_text(SWEEP.replace(old, new))
    found, jobs = first_runs(file, tmp_path)
    with pytest.raises(UserError, match=text):
        check.check(jobs, found.metrics, found.n)


def test_list_prints_commands_and_bad_files_are_one_line(tmp_path):
    file = tmp_path / "sweep.py"
    file.write_text(SWEEP.replace('"lr": 1e30', '"lrr": 1'))
    flags = command(file, f"--workdir={tmp_path}/s", "--list")
    done = subprocess.run(flags, cwd=ROOT, env=ENV, capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("error: rate=diverges: config.optim.d.lrr")
    file.write_text(SWEEP)
    done = subprocess.run(flags, cwd=ROOT, env=ENV, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert len(done.stdout.splitlines()) == 4
    assert not (tmp_path / "s").exists()
