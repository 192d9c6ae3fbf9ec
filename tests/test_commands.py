"""The commands: `python -m jaxgan` lists them, and each --help states outputs and exit codes."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.runtime.errors import run

ROOT = Path(__file__).parents[1]
COMMANDS = [
    path.stem
    for path in sorted((ROOT / "jaxgan").glob("*.py"))
    if any(
        isinstance(node, ast.FunctionDef) and node.name == "main"
        for node in ast.parse(path.read_text()).body
    )
]
RUN = """
import runpy, sys
module, sys.argv[1:] = sys.argv[1], sys.argv[2:]
try:
    runpy.run_module(module, run_name="__main__", alter_sys=True)
finally:
    assert "jax" not in sys.modules, "jax was imported"
"""


def call(module: str, *flags: str) -> subprocess.CompletedProcess:
    """`python -m MODULE FLAGS`, which fails if it imports jax."""
    command = [sys.executable, "-c", RUN, module, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("flags", [[], ["--help"]])
def test_the_list_names_every_command(flags):
    done = call("jaxgan", *flags)
    assert done.returncode == 0 and not done.stderr
    listed = dict(
        line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")
    )
    assert {"main", "sample", "bench", "evaluate", "convert", "modes"} <= set(COMMANDS)
    assert sorted(listed) == COMMANDS
    for name, line in listed.items():
        docstring = ast.get_docstring(ast.parse((ROOT / f"jaxgan/{name}.py").read_text()))
        assert line == docstring.splitlines()[0] and line.endswith("."), name
        assert line.split()[0].endswith("s"), f"{name}: the line begins with a verb"


def test_the_list_takes_no_other_argument():
    done = call("jaxgan", "train")
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and not done.stdout
    assert line.startswith("error: train: not understood") and ", ".join(COMMANDS) in line


@pytest.mark.parametrize("name", COMMANDS)
def test_help_states_outputs_and_exit_codes_without_jax(name):
    done = call(f"jaxgan.{name}", "--help")
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert f"usage: python -m jaxgan.{name}" in done.stdout
    assert f"  python -m jaxgan.{name} " in done.stdout, "an example"
    assert "\nWrites" in done.stdout
    codes = done.stdout.partition("\nExit codes:\n")[2].partition("\n\n")[0]
    others = {"main": {"75", "130"}, "sweep": {"75", "130"}, "report": {"130"}, "bench": {"1"}}
    others |= {"compile": {"1"}, "theory": {"1"}}
    expected = {"0", "2"} | others.get(name, set())
    assert {line.split()[0] for line in codes.splitlines()} == expected
    assert all(len(line) <= 100 for line in codes.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["--seed=x", "--no-such-flag", "--config=none.py"])
def test_bad_flags_are_one_line_and_exit_code_2(name, flag, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, flag])
    with pytest.raises(SystemExit) as ended:
        run(importlib.import_module(f"jaxgan.{name}").main)
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and not out
    assert len(err.splitlines()) == 1 and err.startswith("error: ")
