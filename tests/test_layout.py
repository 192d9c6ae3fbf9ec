"""The house rules: imports go downwards, files and functions stay short, ruff is content."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    {
        "errors",
        "startup",
        "resolve",
        "weights",
        "published",
        "losses",
        "regularizers",
        "augment",
        "auxiliary",
        "ada",
        "growth",
        "nets",
    },
    {"game", "net", "optim", "parts", "stages"},
    {"games"},
    {
        "data",
        "evals",
        "checkpoint",
        "sharding",
        "metrics",
        "schedule",
        "pictures",
        "diagnosis",
        "viewer",
        "recipe",
        "seeds",
        "program",
        "flops",
        "machine",
    },
    {"train", "sample", "score", "measure", "study"},
    {"main", "config", "modes", "bench", "convert", "evaluate"},
]
FILES = sorted((ROOT / "jaxgan").rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(ROOT / "jaxgan").parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms)


def imported(path: Path) -> list[str]:
    """Rooms of jaxgan that a file imports, wherever in the file it does."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "jaxgan":
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jaxgan."):
            found.append(".".join(node.module.split(".")[1:3]))
        elif isinstance(node, ast.Import):
            found += [a.name.split(".", 1)[1] for a in node.names if a.name.startswith("jaxgan.")]
    return found


@pytest.mark.parametrize("path", [p for p in FILES if room(p) != "__init__"], ids=str)
def test_imports_go_downwards(path):
    own = room(path)
    for name in imported(path):
        other = name.split(".")[0]
        # main reads config on its floor and calls the verbs of the floor below
        assert floor(other) <= floor(own), f"{path.name} imports {name} from a floor above"
        if own == other == "games":
            pytest.fail(f"{path.name} imports {name}: games never import one another")


def test_experiments_import_configs_only():
    for path in (ROOT / "experiments").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module in ("ml_collections", "jaxgan.config"), path
            assert not isinstance(node, ast.Import), path


def test_files_and_functions_are_short():
    for path in [*FILES, *ROOT.glob("experiments/**/*.py")]:
        text = path.read_text()
        assert len(text.splitlines()) <= (400 if room_of_nets(path) else 300), path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def room_of_nets(path: Path) -> bool:
    return "nets" in path.parts


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
