"""Runs that are killed and resumed end as if nothing had happened: a short run of the script."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "kill_resume.py"


@pytest.mark.parametrize("flags", [["--kills=4", "--recipes=gan,seeds2"], ["--together=3"]])
def test_kills_change_nothing_and_one_process_trains(flags):
    command = [sys.executable, str(SCRIPT), "--seed=1", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal to the byte" if "--kills=4" in flags else "refused") == 2
