"""Signals and streams: one line, the right code, no traceback, and nothing that ends a run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxgan.runtime.signals import StopSignal

ROOT = Path(__file__).parents[2]
WAITS = """
import sys, time
from jaxgan.runtime.errors import run

def command(argv):
    print("ready", flush=True)
    time.sleep(60)

run(command)
"""
CATCHES = """
import sys, time
from jaxgan.runtime.errors import run
from jaxgan.runtime.signals import STOPPED, StopSignal

def command(argv):
    with StopSignal() as stop:
        stop.arm()
        print("ready", flush=True)
        while not stop.caught:
            time.sleep(0.01)
        print("saving", flush=True)
        time.sleep(float(argv[0]))
    return STOPPED

run(command)
"""


def child(script, *args, **kwargs):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs
    process = subprocess.Popen([sys.executable, "-c", script, *args], cwd=ROOT, text=True, **pipes)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGTERM, 75, "SIGTERM"),
        (signal.SIGHUP, 75, "SIGHUP"),
        (signal.SIGINT, 130, "Ctrl-C"),
    ],
)
def test_a_signal_with_nothing_to_save_ends_the_process_with_one_line(number, code, name):
    process = child(WAITS)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.strip() == f"stopped by {name}; a run keeps its last checkpoint"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_loop_catches_the_first_signal_and_not_the_second(number):
    process = child(CATCHES, "0")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75 and not err

    process = child(CATCHES, "60")
    process.send_signal(number)
    assert process.stdout.readline() == "saving\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err and "Ctrl-C" in err


def test_nohup_is_respected():
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    process = child(ignored + CATCHES, "0")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 75


SPEAKS = """
import os, sys
from jaxgan.runtime.errors import run

def command(argv):
    for stream in (sys.stderr, sys.stdout):
        for _ in range(3):
            print("x" * 100_000, file=stream, flush=True)
        stream.isatty()
    number = os.open(argv[0], os.O_WRONLY | os.O_CREAT)
    os.write(number, b"whole")
    os.write(2, b"a library's warning")
    return 0

run(command)
"""


@pytest.mark.parametrize(
    "shell", ["2>&-", ">&-", "2>&- >&- <&-", "2>&1 | head -c 1", "| head -c 1"]
)
def test_streams_that_are_closed_or_not_read_end_nothing(shell, tmp_path):
    script = tmp_path / "speaks.py"
    script.write_text(SPEAKS)
    line = f'"{sys.executable}" "{script}" "{tmp_path}/out" {shell}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert (tmp_path / "out").read_bytes() == b"whole", "nothing said is written to a file"


def test_a_time_that_is_up_is_a_signal_and_says_so():
    with StopSignal(0.05) as stop:
        time.sleep(0.1)
        assert not stop.caught, "time counts from `arm` on"
        stop.arm()
        end = time.monotonic() + 30
        while not stop.caught and time.monotonic() < end:
            time.sleep(0.01)
        assert stop.caught and stop.timed_out
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
