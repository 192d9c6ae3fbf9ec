"""Runs as child processes: outcomes, order, signals, cores; by children that train nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxgan.ablation import cells, results, running
from jaxgan.ablation.cells import Job
from jaxgan.ablation.spec import Cell
from jaxgan.runtime.lock import Lock
from jaxgan.runtime.signals import StopSignal

CELL = Cell({"loss": "ns"}, "gan.py", ())
SAVES = """
import signal, sys, time

def save(*_):
    signal.signal(signal.SIGTERM, lambda *_: (print("killed", flush=True), sys.exit(1)))
    time.sleep(0.5)  # several looks of the sweep at its children
    print("saved", flush=True)
    sys.exit(75)

signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""


def job(folder, seed, train, measure="pass"):
    return Job(CELL, (seed,), folder / CELL.name / f"seed-{seed}", ("-c", train), ("-c", measure))


def run_all(jobs, at_once=1):
    told = []
    with StopSignal() as stop:
        running.run_all(jobs, at_once, stop, lambda job, why, _: told.append((job.seeds[0], why)))
    return told


def test_outcomes_are_told_and_failures_kept(tmp_path):
    fails = f"import sys; print('error: no such loss in {tmp_path}/loss=ns/seed-1'); sys.exit(2)"
    jobs = [
        job(tmp_path, 0, "print('trained')", "print('measured')"),
        job(tmp_path, 1, fails, "raise AssertionError"),
        job(tmp_path, 2, "import os; os.kill(os.getpid(), 9)"),
        job(tmp_path, 3, "raise ValueError('a fault')"),
    ]
    told = ["", "no such loss in WORKDIR", "killed by SIGKILL", "ValueError: a fault"]
    assert run_all(jobs) == list(enumerate(told))
    assert jobs[0].log.read_text() == "trained\nmeasured\n"
    assert [results.failure(each) for each in jobs] == [
        "", "no such loss in WORKDIR", "", "ValueError: a fault",
    ]  # fmt: skip
    times = [json.loads(line) for line in (tmp_path / running.TIMES).read_text().splitlines()]
    assert [row["phase"] for row in times] == ["train", "measure", "train", "train", "train"]


def test_so_many_run_at_once_each_on_its_cores(tmp_path):
    meet = (
        "import os, pathlib, sys, time\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        "print(sorted(os.sched_getaffinity(0)))\n"
        "(here / sys.argv[1]).touch()\n"
        "while len(list(here.glob('met*'))) < 2: time.sleep(0.01)\n"
    )
    jobs = [job(tmp_path, i, meet)._replace(train=("-c", meet, f"met{i}")) for i in range(2)]
    assert sorted(run_all(jobs, at_once=2)) == [(0, ""), (1, "")]
    cores = [json.loads(each.log.read_text()) for each in jobs]
    if len(os.sched_getaffinity(0)) > 1:
        assert not set(cores[0]) & set(cores[1])
    assert running.shared_cores(1) == [[]] and running.shared_cores(1000)[0] == []


SWEEP = """
import sys
from pathlib import Path
from tests_running import job, SAVES, running, StopSignal

folder = Path(sys.argv[1])
with StopSignal() as stop:
    running.run_all([job(folder, i, SAVES) for i in range(2)], 1, stop, lambda *a: print(a[1]))
sys.exit(75 if stop.caught else 0)
"""


def sweep(folder):
    """Starts a sweep of two runs that wait; returns it once the first is ready."""
    code = SWEEP.replace("tests_running", "test_running")
    here = Path(__file__)
    path = os.pathsep.join([str(here.parent), str(here.parents[2])])
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": path}, start_new_session=True,
    )  # fmt: skip
    log = job(folder, 0, "").log
    until(lambda: log.exists() and "ready" in log.read_text())
    return process, log


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "too late"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_runs_save_and_starts_no_more(number, tmp_path):
    process, log = sweep(tmp_path)
    os.killpg(process.pid, number)  # as a terminal does by Ctrl-C
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 75 and out == "stopped\n"
    assert log.read_text() == "ready\nsaved\n"
    assert not job(tmp_path, 1, "").log.exists() and not job(tmp_path, 0, "").failed.exists()


def test_a_run_that_is_trained_when_the_sweep_is_stopped_is_not_done(tmp_path):
    told = []
    with StopSignal() as stop:
        ends = f"import os, signal; os.kill({os.getpid()}, signal.SIGTERM)"
        running.run_all([job(tmp_path, 0, ends)], 1, stop, lambda job, why, _: told.append(why))
    assert told in (["stopped"], [""]), "whether it was measured before the signal was seen"
    rows = map(json.loads, (tmp_path / running.TIMES).read_text().splitlines())
    measured = any(row["phase"] == "measure" and row["code"] == 0 for row in rows)
    assert measured == (told == [""])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children on Linux only")
def test_a_sweep_that_is_killed_leaves_no_run_behind(tmp_path):
    process, log = sweep(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: log.read_text() == "ready\nsaved\n")


def test_a_run_waits_until_its_folder_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "PATIENCE", 0.3)
    each = job(tmp_path, 0, "pass")
    with StopSignal() as stop:
        start = time.monotonic()
        with Lock(each.workdir):
            running.wait_for(each.workdir, stop)
        assert time.monotonic() - start >= 0.3
        running.wait_for(each.workdir, stop)
    assert time.monotonic() - start < 20


def test_a_run_of_limited_time_that_was_killed_starts_anew(tmp_path):
    each = job(tmp_path, 0, "pass")._replace(anew=True)
    each.workdir.mkdir(parents=True)
    (each.workdir / "old").touch()
    assert run_all([each]) == [(0, "")] and not each.workdir.exists()


def test_array_job_runs_one_line_a_task(tmp_path):
    jobs = [job(tmp_path, i, f"print('it\\'s {i}')", f"print('measured {i}')") for i in range(3)]
    script = tmp_path / "array.sh"
    script.write_text(cells.array_script(jobs, tmp_path, tmp_path))
    assert "--array=0-2\n" in script.read_text()
    (tmp_path / "python").symlink_to(sys.executable)
    env = os.environ | {"SLURM_ARRAY_TASK_ID": "1", "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True)
    assert done.stdout == "it's 1\nmeasured 1\n", done.stderr
