"""`python -m jaxgan.bench --against=REV`: pairs, intervals, and the two trees."""

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xla

from jaxgan import bench
from jaxgan.benchmark import against, pairs
from jaxgan.benchmark.against import Tree
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
CONFIG = f"{ROOT}/experiments/gan.py:smoke"
FIGURES = {"batch": 8, "steps_per_cycle": 1, "device": "cpu x 1"}


@pytest.fixture
def both(tmp_path):
    """This tree and another that lacks dragan.py and has an own.py."""
    (tmp_path / "experiments").mkdir()
    for name in ("gan.py", "own.py"):
        (tmp_path / "experiments" / name).touch()
    return Tree("this tree", ROOT, "aaaa"), Tree("v1", tmp_path, "bbbb")


@pytest.fixture
def benches(monkeypatch):
    """Benches that give the times put in here, by tree; lists the calls' trees and commands."""
    times, called = {}, []

    def call(command, env):
        name = "here" if env["PYTHONPATH"].startswith(str(ROOT)) else "there"
        called.append((name, command))
        if isinstance(found := next(times[name]), str):
            raise pairs.Failed(found)
        return FIGURES | (found if isinstance(found, dict) else {"cycle_ms": found})

    monkeypatch.setattr(pairs, "call", call)
    return times, called


def repository():
    return (
        subprocess.run(["git", "-C", str(ROOT), "rev-parse"], capture_output=True).returncode == 0
    )


def test_programs_alternate_and_keep_their_sides():
    order = []
    a, b = (lambda name=name: order.append(name) or name for name in "ab")
    assert list(pairs.alternate(a, b, 3)) == [("a", "b")] * 3
    assert "".join(order) == "abbaab"


@pytest.mark.parametrize(
    ("n", "k", "coverage"), [(1, 1, 0.0), (5, 1, 0.9375), (6, 1, 0.96875), (10, 2, 0.978515625)]
)
def test_the_interval_is_of_order_statistics(n, k, coverage):
    found = pairs.ratio([float(x) for x in range(n, 0, -1)])
    assert found == ((n + 1) / 2, k, n + 1 - k, coverage, 1, n)


def test_the_interval_holds_the_median_as_often_as_it_says():
    draws = np.random.default_rng(0).lognormal(size=(4000, 9))
    found = [pairs.ratio(row.tolist()) for row in draws]
    share = np.mean([each.low <= 1 <= each.high for each in found])
    assert share == pytest.approx(found[0].coverage, abs=0.01) and found[0].coverage > 0.95


def test_ratios_are_of_this_tree_over_the_other(both, benches, capsys):
    times, called = benches
    times |= {"here": iter([10.0, 30.0, 12.0]), "there": iter([20.0, 20.0, 20.0])}
    found = against.compare(both, CONFIG, ["--repeat=3", "--config.batch=8"], 3)
    assert [name for name, _ in called] == ["here", "there", "there", "here", "here", "there"]
    assert found["ms"] == [12, 20] and found["median"] == 0.6
    assert (found["low"], found["high"], found["coverage"]) == (0.5, 1.5, 0.75)
    assert found["revisions"] == ["aaaa", "bbbb"] and len(found["pairs"]) == 3
    for name, command in called:
        tree = both[name == "there"]
        assert command[-4:] == [f"--config={tree.root}/experiments/gan.py:smoke", "--json"] + [
            "--repeat=3",
            "--config.batch=8",
        ]
    row = against.row(found)
    assert row.endswith("| 12.00 | 20.00 | 0.600 (0.500 to 1.500, 75%) | 0.500 to 1.500 |")
    assert row.count("|") == against.head(both, 3).splitlines()[1].count("|")
    assert "pair 2: 30.00 ms, 20.00 ms, ratio 1.500" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("config", "here", "there", "text"),
    [
        ("dragan.py", 1.0, 1.0, "v1 has no such file"),
        ("own.py", 1.0, 1.0, "this tree has no such file"),
        ("gan.py", 1.0, "python -m x: error: config.a: no such key", "v1: config.a: no such key"),
        ("gan.py", {"cycle_ms": 1.0, "batch": 4}, 1.0, "batch is 4 in this tree and 8 in v1"),
        ("gan.py", 1.0, {"step_ms": 1.0}, "v1: its bench gives no cycle_ms"),
    ],
)
def test_what_cannot_be_compared_is_a_row_with_the_reason(config, here, there, text, both, benches):
    benches[0].update(here=itertools.repeat(here), there=itertools.repeat(there))
    found = against.compare(both, f"{ROOT}/experiments/{config}", [], 1)
    assert text in found["error"] and f"failed: {found['error']}" in against.row(found)
    assert against.row(found).count("|") == against.head(both, 1).splitlines()[1].count("|")


def test_all_is_of_both_trees_and_a_config_of_neither_is_refused(both, monkeypatch):
    monkeypatch.chdir(ROOT)
    names = against.experiments(both)
    assert {"experiments/own.py", "experiments/dragan.py"} < set(names) and names == sorted(names)
    against.check_configs(both, names)
    with pytest.raises(UserError, match="no such file; did you mean 'experiments/gan.py'"):
        against.check_configs(both, ["experiments/gna.py:smoke"])


def test_a_config_outside_of_the_tree_is_the_same_file(both, tmp_path):
    assert (
        both[0].path(f"{tmp_path}/x.py:a:b")
        == both[1].path(f"{tmp_path}/x.py")
        == (tmp_path / "x.py")
    )


@pytest.mark.skipif(not repository(), reason="no git here, so there are no revisions")
@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--against=no-such"], "--against=no-such: no such revision"),
        (["--against=--output=x"], "no such revision"),
        (["--against="], "no such revision"),
        (["--against=HEAD", "--profile=x"], "--profile is of one tree"),
        (["--against=HEAD", "--confg.batch=2"], "--confg.batch=2: not understood"),
        (["--pairs=7"], "--pairs is of --against"),
    ],
)
def test_bad_flags_are_refused_before_a_bench_runs(flags, text):
    with pytest.raises(UserError, match=text):
        bench.main([f"--config={CONFIG}", *flags])


def test_a_tree_without_git_or_a_fit_bench_is_refused(tmp_path, monkeypatch):
    tree = Tree("v1", tmp_path, "bbbb")
    with pytest.raises(UserError, match="no jaxgan/bench.py"):
        against._check_bench("--against=v1", tree)
    (tmp_path / "jaxgan").mkdir()
    (tmp_path / "jaxgan/__init__.py").touch()
    (tmp_path / "jaxgan/bench.py").write_text("print('--config --repeat')")
    with pytest.raises(UserError, match="its jaxgan.bench has no --steps, --json"):
        against._check_bench("--against=v1", tree)
    monkeypatch.setattr(against, "ROOT", tmp_path)
    with pytest.raises(UserError, match="not a git repository"), against.trees("HEAD"):
        pass
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="git is not installed"), against.trees("HEAD"):
        pass


def start(folder, *flags):
    """The command, whose temporary folders are below `folder`."""
    folder.mkdir()
    env = xla.one_device() | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "jaxgan.bench", "--against=HEAD", f"--config={CONFIG}", *flags]
    return subprocess.Popen(
        command, env=env, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.skipif(not repository(), reason="no git here, so there are no revisions")
def test_the_head_is_compared_and_leaves_nothing(tmp_path):
    process = start(tmp_path / "tmp", "--pairs=1", "--repeat=1", "--config.batch=8", "--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    found = json.loads(out)
    (pair,) = found["pairs"]
    assert found["median"] == pytest.approx(pair[0]["cycle_ms"] / pair[1]["cycle_ms"])
    assert [side["batch"] for side in pair] == [8, 8] and "jaxlib" in found["machine"]
    assert str(ROOT) in pair[0]["config"] and str(tmp_path) in pair[1]["config"]
    assert not list((tmp_path / "tmp").glob("jaxgan-against-*"))


@pytest.mark.skipif(not repository(), reason="no git here, so there are no revisions")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_signal_removes_the_other_tree(number, code, tmp_path):
    process = start(tmp_path / "tmp", "--repeat=100000")
    while not (found := list((tmp_path / "tmp").glob("jaxgan-against-*/jaxgan/bench.py"))):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == code and not found[0].parents[1].exists()
