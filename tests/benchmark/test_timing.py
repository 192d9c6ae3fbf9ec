"""`python -m jaxgan.bench`: the figures of a config, its table, and its flags."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from jaxgan import bench
from jaxgan.benchmark import hardware
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]


def test_the_figures_of_a_smoke_config_agree(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "SIZES", (128,))
    flags = ["--repeat=3", "--steps=2", f"--profile={tmp_path}", "--json", "--config.batch=256"]
    assert bench.main([f"--config={ROOT}/experiments/gan.py:smoke", *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["batch"] == 256 and found["steps_per_cycle"] == 1 and found["repeat"] == 3
    assert found["device"].endswith(f"x {jax.device_count()}")
    assert 0 < found["cycle_ms_p10"] <= found["cycle_ms"] <= found["cycle_ms_p90"]
    assert found["images_per_s"] == pytest.approx(256e3 / found["cycle_ms"])
    assert found["compile_s"] > 0 and not found["from_cache"] and found["memory_mb"] > 50
    assert found["params_m"] == pytest.approx(0.550929)
    assert found["gflop"] == pytest.approx(0.364118016 * 256 / 64)
    # XLA counts Adam too, on every device
    assert 0.9 * found["gflop"] < found["gflop_xla"] < 1.2 * found["gflop"]
    assert found["gflops"] == pytest.approx(1e3 * found["gflop"] / found["cycle_ms"])
    assert found["of_peak"] == pytest.approx(found["gflops"] / found["peak_gflops"])
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert f"{found['images_per_s']:.1f} images/s" in bench.describe(found)
    assert bench.row(found).count("|") == bench.COLUMNS.splitlines()[1].count("|")


def test_a_failing_config_is_a_row_and_an_exit_code(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    flags = ["--config=experiments/gna.py", "--config=experiments/dcgn.py"]
    assert bench.main(flags) == 1
    out, err = capsys.readouterr()
    *_, first, second = out.splitlines()
    assert "gna.py | failed: " in first and "did you mean 'experiments/gan.py'" in first
    assert "dcgn.py | failed: " in second and "2 of 2 configs failed" in err
    assert first.count("|") == bench.COLUMNS.splitlines()[1].count("|")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ([], "nothing to measure"),
        (["--config=x.py", "--repeat=0"], "--repeat: 0: at least 1"),
        (["--config=x.py", "--config=y.py", "--profile=z"], "one --config"),
        (["--config=experiments/none.py"], "no such file"),
    ],
)
def test_bad_flags_are_refused(flags, text):
    with pytest.raises(UserError, match=text):
        bench.main(flags)


def test_help_does_not_wait_for_jax():
    code = "import sys, jaxgan.bench; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
